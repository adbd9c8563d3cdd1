import { insertOperation } from '../db/payment-operations.ts'
import { insertPayment, wakePayment, type PaymentRow } from '../db/payments.ts'
import type { Tx } from '../db/client.ts'
import { getInvoiceParties } from '../db/invoice-parties.ts'
import {
  getUnpaidOrder,
  hasOrderEnded,
  listUnitsToPay,
  updateOrderDue,
  type UnpaidOrder,
} from '../db/order-money.ts'
import { DomainError } from '../domain/error.ts'
import { shareGross } from '../domain/order-due.ts'
import { isTriedAtOnce } from '../domain/payment-method.ts'
import { OPERATION_ALLOWED } from '../domain/payment.ts'
import { TAX_POLICIES, taxPolicyOn, taxTreatment, type TaxPolicy } from '../domain/tax.ts'
import { newId } from '../new-id.ts'

type TransactionInput = { accountId: string; transactionId: string }

/**
 * Decides what an order that waits for its money costs with tax, and begins the payment that the order
 * itself names. Answers why that cannot be decided yet, or null. Safe to repeat: what an order costs is
 * decided once, and it begins one payment only. The caller holds the order's lock.
 */
export async function beginOrderMoney(
  tx: Tx,
  input: TransactionInput,
  policies: readonly TaxPolicy[] = TAX_POLICIES,
): Promise<string | null> {
  const order = await getUnpaidOrder(tx, input)
  if (order.due_minor === null) {
    const problem = await decideDue(tx, input, order, policies)
    if (problem !== null) return problem
  }
  const { due_minor } = await getUnpaidOrder(tx, input)
  if (due_minor !== null && due_minor > 0n && !order.has_payment) {
    await beginPayment(tx, input, order, due_minor)
  }
  return null
}

/** What only the seller can complete is a reason to wait; until then nothing can be paid. */
async function decideDue(
  tx: Tx,
  input: TransactionInput,
  order: UnpaidOrder,
  policies: readonly TaxPolicy[],
): Promise<string | null> {
  const units = await listUnitsToPay(tx, input)
  try {
    const { accountId } = input
    const parties = await getInvoiceParties(tx, { accountId, customerId: order.customer_id })
    const policy = taxPolicyOn(policies, parties.issueDate)
    const gross = shareGross(
      units.map(({ price_minor, tax_class }) => {
        const { category, rate_bp } = taxTreatment(policy, {
          seller_country: parties.sellerCountry,
          buyer_country: parties.buyerCountry,
          buyer_tax_id: parties.snapshot.buyer.tax_id,
          product_class: tax_class,
        })
        return { priceMinor: price_minor, category, rateBp: rate_bp }
      }),
    )
    const shares = units.map(({ id }, index) => ({ id, grossMinor: gross[index] ?? 0n }))
    await updateOrderDue(tx, input, shares)
    return null
  } catch (error) {
    if (error instanceof DomainError) return `its tax cannot be decided: ${error.message}`
    throw error
  }
}

async function beginPayment(
  tx: Tx,
  { accountId, transactionId }: TransactionInput,
  order: UnpaidOrder,
  amountMinor: bigint,
): Promise<void> {
  const { payment_method: method, payment_token: token } = order
  if (!isTriedAtOnce(method, token)) return
  const id = newId('paymentIntent')
  await insertPayment(tx, {
    id,
    accountId,
    customerId: order.customer_id,
    transactionId,
    amountMinor,
    currency: order.currency,
    captureMethod: 'automatic',
    method,
    token,
    state: 'processing',
    returnUrl: null,
    metadata: {},
  })
  const key = { accountId, paymentId: id }
  await insertOperation(tx, {
    ...key,
    id: newId('paymentOperation'),
    kind: 'authorize',
    amountMinor,
    method,
    token,
  })
  await wakePayment(tx, key, 'authorize')
}

/** Whether a payment is for an order that has ended, so that what it holds is to be let go. */
export async function isOrphaned(tx: Tx, payment: PaymentRow): Promise<boolean> {
  if (payment.transaction_id === null) return false
  if (!OPERATION_ALLOWED.cancel.includes(payment.state)) return false
  const { account_id: accountId, transaction_id: transactionId } = payment
  return hasOrderEnded(tx, { accountId, transactionId })
}
