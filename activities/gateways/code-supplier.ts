import type { CodeSecret } from '../../vault.ts'

/** One unit to buy: our reference, which the supplier keeps for ever, and the supplier's own SKU. */
export type SupplierItem = { reference: string; sku: string }

/** A code as a supplier sold it. It lives between the answer and its encryption only. */
export type SoldCode = {
  type: 'code' | 'code_pin' | 'url'
  secret: CodeSecret
  expiresAt: Date | null
}

/**
 * What became of one reference.
 *
 * - `delivered`: sold, here is the code
 * - `processing`: taken, not there yet
 * - `none`: refused for good; this reference will never be sold
 * - `not_placed`: the supplier certainly never got the order; the reference may be sent again
 * - `unknown`: it may or may not have it; only asking by the reference can tell
 */
export type SupplierResult = { reference: string } & (
  | { state: 'delivered'; code: SoldCode }
  | { state: 'processing' | 'none' | 'not_placed' | 'unknown'; retryAfterSeconds: number | null }
)

export type SupplierAnswer = {
  /** Exactly one for each reference that was asked about. */
  results: SupplierResult[]
  /** Codes that nobody asked for: a second one for a reference, or under a foreign reference. */
  surplus: { reference: string; code: SoldCode }[]
  /** The answer in a few words for the operator (`HTTP 200`, `no answer in 10 s`); never a body. */
  said: string
}

/** Business time of the asking account: the pretend supplier measures its delays by it. */
export type SupplierContext = { now: Date }

/** One call ends after this, answered or not: then the outcome of an order is unknown. */
export const SUPPLIER_CALL_SECONDS_MAX = 10

/** At most this many references in one call, so that one lost reply leaves few units in doubt. */
export const SUPPLIER_ITEMS_MAX = 200

/**
 * A shop that sells codes. Neither call ever throws for what the other side or the network does:
 * that is an answer (`unknown`, `not_placed`). Neither is retried inside.
 */
export type CodeSupplier = {
  /** Buys. Sending a reference twice buys once: the supplier repeats its first answer. */
  order(items: SupplierItem[], context: SupplierContext): Promise<SupplierAnswer>
  /** Asks by our references and buys nothing. `not_placed`: the supplier has never seen it. */
  status(references: string[], context: SupplierContext): Promise<SupplierAnswer>
  /** Ends open connections. */
  close(): Promise<void>
}
