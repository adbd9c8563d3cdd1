import { randomUUID } from 'node:crypto'
import { textOf } from './json.ts'
import type { Merchant, Stage, Told } from './merchant.ts'
import { openMoneySteps } from './story-money.ts'
import { drained, HELP_SECONDS, must, openSteps } from './story-steps.ts'

const DAY_IS_OVER_SECONDS = 30 * 3_600

/**
 * The story: an endpoint, three orders (one partial from the supplier, one paid by card), the clock
 * moved, the day closed, its invoice read, the paid order refunded and so credited, everything
 * drained, and every order asked for again. It goes on through any fault that heals; it throws when
 * something does not come in time.
 *
 * Where faults come again and again, a supplier may be out of reach three times in a row, and is then
 * asked again after five minutes only: with `clockHelps` the merchant moves its clock past that.
 */
export async function tellStory(
  stage: Stage,
  merchant: Merchant,
  options: { clockHelps?: boolean } = {},
): Promise<Told> {
  const { client, customerId, webhookSecret } = merchant
  const steps = openSteps(stage, merchant)
  const money = openMoneySteps(steps)
  await steps.post('create the endpoint', '/v2/webhooks', {
    url: `${stage.receiverUrl}${merchant.webhookPath}`,
    events: ['*', 'codes.available', 'invoice.finalized'],
    secret: webhookSecret,
  })
  const order = async (name: string, items: { sku: string; quantity: number }[], more = {}) => {
    const key = `${name} ${randomUUID()}`
    const body = { customer_id: customerId, items, metadata: { story: name }, ...more }
    const tried = await client.insist({ name, method: 'POST', path: ORDERS, key, body })
    return { name, key, body, id: textOf(must(tried, 201), 'id') }
  }
  const pooled = await order('order A', [{ sku: merchant.pooledSku, quantity: 2 }])
  const partial = await order('order B', [
    { sku: merchant.partialSku, quantity: 3 },
    { sku: merchant.pooledSku, quantity: 1 },
  ])
  const paid = await order('order C', [{ sku: merchant.pooledSku, quantity: 1 }], {
    payment_method: 'card',
  })
  await steps.codesUntil(pooled.id, isFinal)
  const payment = await money.pay(paid.id)
  // A supplier whose replies are lost is asked again, or left alone by its breaker, for minutes.
  const help = options.clockHelps === true ? () => steps.advance(HELP_SECONDS) : null
  await steps.codesUntil(partial.id, (codes) => Number(codes['delivered']) >= 3, help)
  await steps.advance(15)
  await steps.codesUntil(partial.id, isFinal, help)
  await steps.codesUntil(paid.id, isFinal)
  await steps.advance(DAY_IS_OVER_SECONDS)
  await drained(stage)
  await steps.readInvoices()
  await money.refund(payment)
  await drained(stage)
  await steps.tellAgain()

  const orders = [pooled, partial, paid]
  await steps.readInvoices()
  for (const { name, id, key, body } of orders) {
    const again = { name: `${name} again`, method: 'POST' as const, path: ORDERS, key, body }
    must(await client.insist(again), 201)
    const other = { ...body, metadata: { story: 'another' } }
    must(await client.insist({ ...again, name: `${name} reused`, body: other }), 422)
    await client.insist({ name: `read ${name}`, path: `${ORDERS}/${id}` })
    await steps.codesUntil(id, isFinal)
  }
  const refunded = { ...payment, refundedMinor: payment.capturedMinor }
  return { ...merchant, orders, payments: [refunded] }
}

const ORDERS = '/v2/transactions'
const isFinal = (codes: Record<string, unknown>): boolean => codes['final'] === true
