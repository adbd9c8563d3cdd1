import type { Pool } from 'pg'
import { DomainError } from '../domain/error.ts'
import { orderRefused, type OrderRefusal } from '../domain/order-refusal.ts'
import { runNamed, sqlState } from './client.ts'
import type { AddressFacts, OrderMetadata, TransactionFacts } from './transactions.ts'

/** An order that asks to be accepted, parsed and normalised. Instants and amounts are text. */
export type OrderRequest = {
  account_id: string
  /** The customer that the key is bound to, or '' for an unbound key. */
  customer_scope: string
  customer_id: string
  /** Used when this request is the one that is accepted. */
  transaction_id: string
  idempotency_key: string | null
  /** Hex SHA-256 of everything below: what makes two requests the same order. */
  content_hash: string
  client_reference: string | null
  currency: string | null
  payment_method: string
  /** Left out on credit. */
  paying?: {
    /** The provider's name for what the payer pays with. */
    token: string | null
    /** How long the money may take. */
    within_seconds: number
    /** In which currencies it can come; null for all. */
    currencies: readonly string[] | null
  }
  allow_backorder: boolean
  deadline: string | null
  price_override: boolean
  shipping_address: AddressFacts | null
  billing_address: AddressFacts | null
  shipping_method: string | null
  metadata: OrderMetadata
  items: {
    product_id: string | null
    sku: string | null
    variant_id: string | null
    quantity: number
    price: string | null
  }[]
}

/** An accepted order, or the one that the same request made before. */
export type AcceptedOrder = { replayed: boolean; transaction: TransactionFacts }

/** What became of one of several orders: a refusal left nothing behind, `locked` was not tried. */
export type OrderOutcome = AcceptedOrder | DomainError | 'locked'

type AcceptAnswer =
  { outcome: 'accepted' | 'replayed' | 'locked' } | ({ outcome: 'refused' } & OrderRefusal)

const ACCEPT = { name: 'accept_orders', text: 'select * from accept_orders($1, $2)' }
const TRIES_MAX = 4 // a deadlock's victim succeeds at once as a rule

/**
 * Accepts one order in one round trip: key, customer's lock, clock, purchase order, rows. It waits for
 * the locks of its key and its customer. Safe to repeat under an idempotency key or a client
 * reference; without either, a repeat is another order.
 *
 * @throws DomainError the refusal, with nothing written: `busy` when the customer's lock and
 *   `idempotency_in_flight` when the key's was not got in time
 */
export async function acceptOrder(pool: Pool, request: OrderRequest): Promise<AcceptedOrder> {
  for (let tries = 1; ; tries++) {
    try {
      const [outcome] = await askToAccept(pool, [request], { isPatient: true })
      if (outcome instanceof DomainError) throw outcome
      if (outcome === undefined || outcome === 'locked') throw new Error('The lock was waited for')
      return outcome
    } catch (error) {
      const state = sqlState(error)
      if (state === '55P03') throw lockNotGot(error)
      if ((state !== '40P01' && state !== '40001') || tries >= TRIES_MAX) throw error
    }
  }
}

/**
 * Accepts several orders in one round trip and one commit, each as `acceptOrder` would, but without
 * waiting for any lock: outcomes in the order of the requests. No two of them are of one customer or
 * have one key, and none refuses a backorder.
 *
 * @throws what ended all of them; `isUndone` says whether nothing was written
 */
export async function acceptOrders(
  pool: Pool,
  requests: readonly OrderRequest[],
): Promise<OrderOutcome[]> {
  return askToAccept(pool, requests, { isPatient: false })
}

/**
 * Whether an error of `acceptOrders` is PostgreSQL's word that it undid the statement. A connection
 * that broke says nothing, and neither does a server that is going down (classes 08 and 57).
 */
export function isUndone(error: unknown): boolean {
  const state = sqlState(error)
  return state !== null && !/^(08|57)/.test(state)
}

async function askToAccept(
  pool: Pool,
  requests: readonly OrderRequest[],
  { isPatient }: { isPatient: boolean },
): Promise<OrderOutcome[]> {
  const rows = await runNamed<{ answer: AcceptAnswer; facts: TransactionFacts | null }>(
    pool,
    ACCEPT,
    [JSON.stringify(requests), isPatient],
  )
  if (rows.length !== requests.length) throw new Error('accept_orders forgot an order')
  return rows.map(({ answer, facts }) => {
    if (answer.outcome === 'refused') return orderRefused(answer)
    if (answer.outcome === 'locked') return 'locked'
    if (facts === null) throw new Error('accept_orders answered without the facts')
    return { replayed: answer.outcome === 'replayed', transaction: facts }
  })
}

/** Which lock was not got: PostgreSQL names the relation in the error's context. */
function lockNotGot(error: unknown): DomainError {
  const context =
    typeof error === 'object' && error !== null && 'where' in error ? String(error.where) : ''
  if (context.includes('"idempotency_keys"')) {
    return orderRefused({ reason: 'idempotency_in_flight' })
  }
  return new DomainError('busy', 'Other orders of this customer are being accepted: try again.', {
    retryAfterSeconds: 1,
    where: context,
  })
}
