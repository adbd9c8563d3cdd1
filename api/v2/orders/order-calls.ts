import type { AcceptedOrder } from '../../../db/order-acceptance.ts'
import type { Owner } from '../../../db/purchase-order-views.ts'
import type {
  TransactionFacts,
  TransactionFilter,
  TransactionView,
} from '../../../db/transactions.ts'
import { isId, transactionIdOf } from '../../../domain/id.ts'
import { renderOrder } from '../../../wire/order.ts'
import { acceptedMoment, renderTransaction, type OrderMoment } from '../../../wire/transaction.ts'
import { transactionWorkflowId } from '../../../workflows/contract.ts'
import type { ApiDeps } from '../../deps.ts'
import { notFound, readMoment } from '../../fields.ts'
import { readPreferences } from '../../prefer.ts'
import type { Caller, Headers } from '../../route.ts'
import { toOrderRequest, type OrderBody } from './order-body.ts'
import type { orderFilters } from './order-shapes.ts'

/** What `orders.ts` and `transactions.ts` share: one act and one thing under two names. */

type CreateCall = {
  caller: Caller
  idempotencyKey: string | null
  input: { body: OrderBody }
  header(name: string): string | undefined
}

/** The one operation behind `POST /v2/orders` and `POST /v2/transactions`. */
export async function createOrder(
  deps: ApiDeps,
  { caller, idempotencyKey, input }: CreateCall,
): Promise<AcceptedOrder> {
  const request = toOrderRequest(caller, idempotencyKey, input.body)
  deps.orders.outbox.assertRoom()
  const order = await deps.orders.acceptance.accept(request)
  deps.orders.outbox.nudge()
  return order
}

/** 201, or 202 for `Prefer: respond-async`, with the headers that go with it. */
export function acceptedAs(
  call: CreateCall,
  location: string,
  replayed: boolean,
): { status: 201 | 202; headers: Headers } {
  const { respondAsync } = readPreferences(call.header('prefer'))
  return {
    status: respondAsync ? 202 : 201,
    headers: {
      Location: location,
      ...(respondAsync ? { 'Preference-Applied': 'respond-async' } : {}),
      ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}),
    },
  }
}

/** The headers of an accepted order, for the route's declaration. */
export const ACCEPTED_HEADERS = {
  Location: 'Path of the order.',
  'Idempotent-Replayed': '`true` when this request was answered before; the body is the same.',
  'Preference-Applied': '`respond-async` when that was preferred.',
}

/** What creating an order refuses beyond what every route may. */
export const CREATE_ORDER_ERRORS = [
  'not_found',
  'customer_required',
  'idempotency_key_required',
  'idempotency_key_reuse',
  'idempotency_in_flight',
  'client_reference_conflict',
  'credit_exceeded',
  'out_of_stock',
  'product_unavailable',
  'physical_unavailable',
  'price_mismatch',
  'invalid_amount',
  'mixed_currency',
  'payment_method_not_entitled',
  'payment_method_unavailable',
  'busy',
  'outbox_full',
] as const

/** The answer to an acceptance, and to every replay of it: the transaction as it was then. */
export function printAcceptedTransaction(deps: ApiDeps, facts: TransactionFacts) {
  return renderTransaction(facts, acceptedMoment(facts), workflowUrl(deps, facts.id))
}

/** The same as an order. */
export function printAcceptedOrder(deps: ApiDeps, facts: TransactionFacts) {
  return renderOrder(facts, acceptedMoment(facts), workflowUrl(deps, facts.id))
}

/** A transaction as it is now. */
export function printTransaction(deps: ApiDeps, view: TransactionView) {
  return renderTransaction(view.facts, momentOf(view), workflowUrl(deps, view.facts.id))
}

/** The same as an order. */
export function printOrder(deps: ApiDeps, view: TransactionView) {
  return renderOrder(view.facts, momentOf(view), workflowUrl(deps, view.facts.id))
}

function momentOf(view: TransactionView): OrderMoment {
  return {
    progress: { units: view.units, paidUnits: view.paid_units, money: view.money },
    purchaseOrderStatus: view.purchase_order_state,
  }
}

/** What both lists can be asked for; see `orderFilters`. */
export function readOrderFilters(query: {
  [Name in keyof typeof orderFilters]?: string | undefined
}): Pick<TransactionFilter, 'customerId' | 'clientReference' | 'from' | 'before'> {
  return {
    customerId: query.customer_id,
    clientReference: query.client_reference,
    from: readMoment('date_from', query.date_from),
    before: readMoment('date_to', query.date_to),
  }
}

/** Whose orders the caller may see. */
export function ownerOf(caller: Caller): Owner {
  return { accountId: caller.accountId, customerId: caller.customerId }
}

/** `txn_X` of `txn_X` or `ord_X`; both routes take both. Throws `not_found` for anything else. */
export function requireTransactionId(id: string): string {
  if (!isId('transaction', id) && !isId('order', id)) throw notFound('order')
  return transactionIdOf(id)
}

/** Where an operator finds the workflow of an order. */
function workflowUrl({ config }: ApiDeps, transactionId: string): string {
  const { uiUrl, namespace } = config.temporal
  const workflowId = encodeURIComponent(transactionWorkflowId(transactionId))
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${workflowId}`
}
