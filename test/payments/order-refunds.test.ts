import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { renderDispute } from '../../wire/dispute.ts'
import { importCodes, makeProduct } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import type { OpenShop } from '../shop.ts'
import { expectBalanced, openCardShop } from './card-shop.ts'
import type { Payment, Refund } from './world.ts'

/** What goes back of an order that was paid by card: by itself, by lines, and beside a dispute. */

let stack: Stack

beforeAll(async () => {
  stack = await startStack('order_refunds', { psp: true, supplier: true })
})
afterAll(() => stack.stop())

type Dispute = ReturnType<typeof renderDispute>

describe('units that fail after their money came', () => {
  test('are refunded without anybody asking, with their share of the tax', async () => {
    const shop = await openCardShop(stack)
    const taxed = await makeProduct(stack.database, shop.account.accountId, {
      priceMinor: 333n,
      taxClass: 'digital_service',
    })
    await importCodes(stack.database, stack.config.keys, shop.account, { productId: taxed.id }, 1)
    const { id } = await shop.buy('pm_card_visa', 1, { items: [{ sku: taxed.sku, quantity: 3 }] })
    await shop.until(id, ({ delivered }) => delivered === 1)
    await shop.advance('PT49H')
    expect(await shop.read(id)).toMatchObject({ delivered: 1, failed: 2 })
    const [refund] = await eventually(
      () => shop.refunds(),
      (all) => all[0]?.status === 'succeeded',
    )
    expect(refund).toMatchObject({ amount: 1_189 - 396, cause: 'units_failed' })
    expect(await shop.kept()).toBe(396)
    await expectBalanced(stack, shop)
  })

  test('all of them: the order is refunded', async () => {
    const shop = await openCardShop(stack)
    const nobody = await makeProduct(stack.database, shop.account.accountId, { priceMinor: 700n })
    const { id } = await shop.buy('pm_card_visa', 1, { items: [{ sku: nobody.sku, quantity: 2 }] })
    await shop.until(id, ({ payment_status }) => payment_status === 'paid')
    await shop.advance('PT49H')
    const order = await shop.until(id, ({ payment_status }) => payment_status === 'refunded')
    expect(order).toMatchObject({ failed: 2, payment: { refunded_minor: 1_400 } })
    expect(await shop.events()).toEqual(
      expect.arrayContaining(['order.refunded', 'payment.refunded', 'order.cancelled']),
    )
    expect(await shop.kept()).toBe(0)
  })
})

describe('a refund by lines', () => {
  test('is what they cost with tax, once, and keeps what was said of it', async () => {
    const shop = await openCardShop(stack)
    const taxed = await makeProduct(stack.database, shop.account.accountId, {
      priceMinor: 333n,
      taxClass: 'digital_service',
    })
    await importCodes(stack.database, stack.config.keys, shop.account, { productId: taxed.id }, 2)
    const items = [
      { sku: taxed.sku, quantity: 2 },
      { sku: shop.pooled.sku, quantity: 1 },
    ]
    const { id, items: lines } = await shop.buy('pm_card_visa', 1, { items })
    await shop.until(id, ({ delivered }) => delivered === 3)
    const [payment] = await shop.payments(id)
    const [taxedLine, plainLine] = lines.map((line) => line.id)
    const refund = (body: Record<string, unknown>) =>
      shop.client.post<Refund>(`/v2/payments/${payment?.payment_id}/refund`, body)
    const gross = (payment?.amount ?? 0) - 1_000
    expect(gross).toBeGreaterThan(666)

    const strangers = await refund({ line_ids: [taxedLine, 'line_of_nobody'] })
    expect([strangers.status, fieldOf(strangers)]).toEqual([422, 'line_ids.1'])
    const tooMuch = await refund({ line_ids: [plainLine], amount: 1_001 })
    expect([tooMuch.status, fieldOf(tooMuch)]).toEqual([422, 'amount'])

    const said = {
      reason: 'Wrong region',
      metadata: { ticket: 'T-7' },
      refund_application_fee: true,
    }
    const whole = await refund({ line_ids: [taxedLine, taxedLine], ...said })
    expect(whole.body).toMatchObject({ amount: gross, line_ids: [taxedLine], ...said })
    expect(businessDaysUntil(whole.body.expected_by)).toBe(10)
    expect((await refund({ line_ids: [taxedLine] })).status).toBe(422)
    await refund({ line_ids: [plainLine], amount: 400 })
    expect((await refund({ line_ids: [plainLine] })).body.amount).toBe(600)
    const refunds = await eventually(
      () => shop.refunds(),
      (all) => all.every(({ status }) => status === 'succeeded'),
    )
    expect(refunds).toHaveLength(3)
    expect(await shop.kept()).toBe(0)
    await expectBalanced(stack, shop)
  })

  test('of a payment that was for no order names nothing', async () => {
    const shop = await openCardShop(stack)
    const body = { amount: 500, currency: 'usd', payment_method: 'pm_card_visa' }
    const { id } = (await shop.client.post<Payment>('/v2/payments/intents', body)).body
    await eventually(
      () => shop.client.get<Payment>(`/v2/payments/${id}`),
      (seen) => seen.body.status === 'succeeded',
    )
    const refused = await shop.client.post(`/v2/payments/${id}/refund`, { line_ids: ['line_1'] })
    expect([refused.status, fieldOf(refused)]).toEqual([422, 'line_ids'])
  })

  const fieldOf = (answer: { body: unknown }) =>
    (answer.body as { error?: { details?: { field: string }[] } }).error?.details?.[0]?.field

  /** From today on, without weekends. */
  function businessDaysUntil(date: string): number {
    let days = 0
    const day = new Date(new Date().toISOString().slice(0, 10))
    while (day.toISOString().slice(0, 10) < date) {
      day.setUTCDate(day.getUTCDate() + 1)
      if (day.getUTCDay() % 6 !== 0) days += 1
    }
    return days
  }
})

describe('units that fail while their payment is disputed', () => {
  /** Two of three units fail while the bank has the whole payment. */
  async function failDisputed(takenMinor?: number) {
    const shop = await openCardShop(stack)
    const product = await makeProduct(stack.database, shop.account.accountId, { priceMinor: 500n })
    await importCodes(stack.database, stack.config.keys, shop.account, { productId: product.id }, 1)
    const items = [{ sku: product.sku, quantity: 3 }]
    const { id } = await shop.buy('pm_card_createDispute', 1, { items })
    await shop.until(id, ({ delivered }) => delivered === 1)
    const [dispute] = await eventually(
      async () => (await shop.client.get<{ data: Dispute[] }>('/v2/payments/disputes')).body.data,
      (all) => all.length === 1,
    )
    if (takenMinor !== undefined) await takePart(dispute?.id, takenMinor)
    await shop.advance('PT49H')
    expect(await shop.read(id)).toMatchObject({ delivered: 1, failed: 2 })
    expect(await shop.refunds()).toEqual([])
    return { ...shop, id, path: `/v2/payments/disputes/${dispute?.id}` }
  }
  const status = async (shop: OpenShop, path: string) =>
    (await shop.client.get<Dispute>(path)).body.status

  /** As if the payer had disputed a part of it only, which the sandbox does not do. */
  async function takePart(disputeId: string | undefined, minor: number): Promise<void> {
    await sql`with taken as (
        update disputes set withdrawn_minor = ${minor} where id = ${disputeId} returning payment_id
      ) update payment_intents set disputed_minor = ${minor}
        where id in (select payment_id from taken)`.execute(stack.database.db)
  }

  test('wait for its end also when the bank took a part: providers refuse any refund', async () => {
    const shop = await failDisputed(500)
    expect(await shop.refunds()).toEqual([])
  })

  test('are refunded once the dispute is won, and not before', async () => {
    const shop = await failDisputed()
    const evidence = { transaction_details: 'winning_evidence' }
    await shop.client.post(`${shop.path}/respond`, { evidence })
    const refunds = await eventually(
      () => shop.refunds(),
      (all) => all[0]?.status === 'succeeded',
    )
    expect(refunds).toMatchObject([{ amount: 1_000, cause: 'units_failed' }])
    expect(await shop.kept()).toBe(500)
    await expectBalanced(stack, shop)
  })

  test('went back with the dispute when it is lost: nothing is paid twice', async () => {
    const shop = await failDisputed()
    await shop.client.post(`${shop.path}/accept`)
    await eventually(
      () => status(shop, shop.path),
      (seen) => seen === 'lost',
    )
    await shop.advance('PT1H')
    expect(await shop.refunds()).toEqual([])
    expect(await shop.kept()).toBe(0)
    await expectBalanced(stack, shop)
  })
})
