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

type AcceptAnswer =
  | { outcome: 'accepted' | 'replayed'; transaction: TransactionFacts }
  | ({ outcome: 'refused' } & OrderRefusal)

const ACCEPT = { name: 'accept_order', text: 'select accept_order($1) as answer' }
const TRIES_MAX = 4 // a deadlock's victim succeeds at once as a rule

/**
 * Accepts an order in one round trip: key, customer's lock, clock, purchase order, rows. Safe to
 * repeat under an idempotency key or a client reference; without either, a repeat is another order.
 *
 * @throws DomainError the refusal, with nothing written: `busy` when the customer's lock and
 *   `idempotency_in_flight` when the key's was not got in time
 */
export async function acceptOrder(pool: Pool, request: OrderRequest): Promise<AcceptedOrder> {
  const answer = await askToAccept(pool, JSON.stringify(request))
  if (answer.outcome === 'refused') throw orderRefused(answer)
  return { replayed: answer.outcome === 'replayed', transaction: answer.transaction }
}

async function askToAccept(pool: Pool, request: string): Promise<AcceptAnswer> {
  for (let tries = 1; ; tries++) {
    try {
      const rows = await runNamed<{ answer: AcceptAnswer }>(pool, ACCEPT, [request])
      const answer = rows[0]?.answer
      if (answer === undefined) throw new Error('accept_order returned no row')
      return answer
    } catch (error) {
      const state = sqlState(error)
      if (state === '55P03') throw lockNotGot(error)
      if ((state !== '40P01' && state !== '40001') || tries >= TRIES_MAX) throw error
    }
  }
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
