import type { ApiClient } from './api-client.ts'

/** What an act has to work with: the API of a test account that sells something from its pool. */
export type Scene = {
  api: ApiClient
  /** A SKU with codes in the pool. */
  stockedSku: string
  /** Ends what is open of a transaction, as an operator does. */
  cancelRemaining(transactionId: string): Promise<void>
  /** Somebody pays at the payment service where a payment of ours was made, and past us. */
  payPastUs(paymentId: string): Promise<void>
  /** Something on this machine that answers every webhook with one status. */
  listen(status: number): Promise<{ url: string; close(): Promise<void> }>
}

/** The path whose GET shows the event's object, and what to do when nobody needs it any more. */
export type Caused = { path: string; tidy?: () => Promise<void> }

/** How an event is caused in the real way. */
export type EventAct = {
  cause(scene: Scene): Promise<Caused>
  /** Fields of the object that may change between the event and a GET; all others are equal. */
  later?: readonly string[]
}
