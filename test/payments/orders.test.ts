import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { renderInvoice } from '../../wire/invoice.ts'
import { importCodes, makeProduct } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { expectBalanced, openCardShop, type Order } from './card-shop.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack('paid_orders', { psp: true, supplier: true })
})
afterAll(() => stack.stop())

describe('an order that is paid by card', () => {
  test('waits for its money, is paid by the card it names, and then gets its codes', async () => {
    const shop = await openCardShop(stack)
    const accepted = await shop.buy('pm_card_visa')
    expect(accepted).toMatchObject({
      status: 'pending',
      payment_status: 'pending',
      payment_method: 'card',
      payment: { due: null, captured_minor: 0, intents: [] },
    })
    const done = await shop.until(accepted.id, ({ final }) => final)
    expect(done).toMatchObject({
      status: 'delivered',
      payment_status: 'paid',
      delivered: 2,
      payment: { due_minor: 2_000, captured_minor: 2_000, refunded_minor: 0 },
    })
    expect(await shop.kept()).toBe(2_000)
    expect(await shop.events()).toEqual([
      'order.created',
      'payment.succeeded',
      'order.fulfilled',
      'codes.available',
    ])
    await expectBalanced(stack, shop)
  })

  test('by a type that needs a card is paid in parts, and gets nothing before the last of them', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('card')
    await shop.until(id, ({ payment }) => payment?.due_minor === 2_000)
    expect((await shop.pay(id, 2_001)).status).toBe(422)
    expect((await shop.pay(id, 1_200)).status).toBe(201)
    const half = await shop.until(id, ({ payment }) => payment?.captured_minor === 1_200)
    expect(half).toMatchObject({ status: 'pending', delivered: 0, payment_status: 'pending' })
    const listed = await shop.client.get<{ data: { status: string }[] }>(
      '/v2/transactions?status=awaiting_payment',
    )
    expect(listed.body.data).toHaveLength(1)
    expect((await shop.pay(id, 801)).status).toBe(422)
    expect((await shop.pay(id, 800)).status).toBe(201)
    expect(await shop.until(id, ({ final }) => final)).toMatchObject({
      delivered: 2,
      payment_status: 'paid',
    })
    await expectBalanced(stack, shop)
  })

  test('that is declined says so, and goes on with another card', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('pm_card_visa_chargeDeclined')
    await shop.until(id, ({ payment_status }) => payment_status === 'failed')
    const failed = await shop.client.get<{ data: Order[] }>('/v2/orders?payment_status=failed')
    expect(failed.body.data.map((order) => order.id)).toEqual([id])
    await shop.pay(id, 2_000)
    expect(await shop.until(id, ({ final }) => final)).toMatchObject({ payment_status: 'paid' })
  })

  test('does not use credit, and one on credit takes no card', async () => {
    const shop = await openCardShop(stack)
    await sql`update customer_balances set credit_limit_minor = 0
      where account_id = ${shop.account.accountId}`.execute(stack.database.db)
    const { id } = await shop.buy('pm_card_visa')
    await shop.until(id, ({ final }) => final)
    await sql`update customer_balances set credit_limit_minor = null
      where account_id = ${shop.account.accountId}`.execute(stack.database.db)
    const onCredit = await shop.buy('credit')
    expect(onCredit.payment).toBeNull()
    expect((await shop.pay(onCredit.id, 2_000)).status).toBe(422)
    await expectBalanced(stack, shop)
  })

  test('pays its tax as well, to the cent', async () => {
    const shop = await openCardShop(stack)
    const { accountId } = shop.account
    const taxed = await makeProduct(stack.database, accountId, {
      priceMinor: 333n,
      taxClass: 'digital_service',
    })
    await importCodes(stack.database, stack.config.keys, shop.account, { productId: taxed.id }, 3)
    const items = [{ sku: taxed.sku, quantity: 3 }]
    const { id } = await shop.buy('pm_card_visa', 1, { items })
    // 19 % of 9.99 is 1.8981.
    expect(await shop.until(id, ({ final }) => final)).toMatchObject({
      payment: { due_minor: 1_189, captured_minor: 1_189 },
    })
    await shop.client.post(`/v2/purchase-orders/${(await shop.read(id)).purchase_order_id}/close`)
    await expectBalanced(stack, shop)
  })
})

describe('the invoice of the day', () => {
  type Invoice = ReturnType<typeof renderInvoice>
  type CreditNote = { status: string; total_minor: number; invoice_id: string }
  const bill = async (shop: Awaited<ReturnType<typeof openCardShop>>, orderId: string) => {
    const { purchase_order_id } = await shop.read(orderId)
    await shop.client.post(`/v2/purchase-orders/${purchase_order_id}/close`)
    const { data } = await eventually(
      async () => (await shop.client.get<{ data: Invoice[] }>('/v2/invoices')).body,
      ({ data: invoices }) => invoices.length > 0,
    )
    return data[0]
  }

  test('is paid by what came by card, in part when others are on credit', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('pm_card_visa', 2)
    await shop.until(id, ({ final }) => final)
    const other = await shop.buy('credit', 1)
    await shop.until(other.id, ({ final }) => final)
    expect(await bill(shop, id)).toMatchObject({
      status: 'open',
      total_minor: 3_000,
      amount_paid_minor: 2_000,
    })
    await expectBalanced(stack, shop)
  })

  test('is paid as a whole, and each refund after it has its credit note', async () => {
    const shop = await openCardShop(stack)
    const taxed = await makeProduct(stack.database, shop.account.accountId, {
      priceMinor: 333n,
      taxClass: 'digital_service',
    })
    await importCodes(stack.database, stack.config.keys, shop.account, { productId: taxed.id }, 3)
    const { id } = await shop.buy('pm_card_visa', 1, { items: [{ sku: taxed.sku, quantity: 3 }] })
    await shop.until(id, ({ final }) => final)
    const invoice = await bill(shop, id)
    expect(invoice).toMatchObject({ status: 'paid', total_minor: 1_189, amount_paid_minor: 1_189 })
    expect(await shop.events()).toEqual(expect.arrayContaining(['invoice.paid']))
    const [payment] = await shop.payments(id)
    for (const body of [{ amount: 500 }, {}]) {
      await shop.client.post(`/v2/payments/${payment?.id}/refund`, body)
    }
    const { data: notes } = await eventually(
      async () => (await shop.client.get<{ data: CreditNote[] }>('/v2/credit-notes')).body,
      ({ data }) => data.length === 2 && data.every(({ status }) => status === 'issued'),
    )
    expect(new Set(notes.map(({ total_minor }) => total_minor))).toEqual(new Set([500, 689]))
    expect(notes.every(({ invoice_id }) => invoice_id === invoice?.id)).toBe(true)
    await eventually(
      () => shop.refunds(),
      (all) => all.every(({ status }) => status === 'succeeded'),
    )
    expect(await shop.kept()).toBe(0)
    await expectBalanced(stack, shop)
  })
})

describe('without its money', () => {
  test('an order is cancelled at its end, its codes and its hold at the bank let go', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('card', 8, { allow_backorder: false })
    expect(await shop.freeCodes()).toBe(2)
    const tooMany = await shop.client.post('/v2/orders', {
      customer_id: shop.customerId,
      items: [{ sku: shop.pooled.sku, quantity: 3 }],
      allow_backorder: false,
    })
    expect(tooMany.status).toBe(422)
    await shop.until(id, ({ payment }) => payment?.due_minor === 8_000)
    const held = await shop.pay(id, 8_000, 'pm_card_visa', { capture_method: 'manual' })
    await eventually(
      () => shop.payments(id),
      ([payment]) => payment?.status === 'requires_capture',
    )
    await shop.advance('PT25H')
    expect(await shop.read(id)).toMatchObject({ status: 'cancelled', cancelled: 8 })
    await eventually(
      () => shop.payments(id),
      ([payment]) => payment?.status === 'cancelled',
    )
    expect(held.status).toBe(201)
    expect(await shop.freeCodes()).toBe(10)
    expect(await shop.kept()).toBe(0)
    await expectBalanced(stack, shop)
  })

  test('a part that came goes back at the end, and so does what comes later', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('card')
    await shop.until(id, ({ payment }) => payment?.due_minor === 2_000)
    await shop.pay(id, 500)
    await shop.pay(id, 1_500, 'pm_us_bank_account')
    await shop.until(id, ({ payment }) => payment?.captured_minor === 500)
    await shop.advance('PT25H')
    expect(await shop.read(id)).toMatchObject({ status: 'cancelled' })
    expect((await shop.pay(id, 100)).status).toBe(409)
    await shop.advance('P4D')
    const refunds = await eventually(
      () => shop.refunds(),
      (all) => all.length === 2 && all.every(({ status }) => status === 'succeeded'),
    )
    expect(new Map(refunds.map(({ amount, cause }) => [amount, cause]))).toEqual(
      new Map([
        [1_500, 'late_money'],
        [500, 'order_cancelled'],
      ]),
    )
    expect(await shop.read(id)).toMatchObject({ payment_status: 'refunded' })
    expect((await shop.events()).filter((type) => type === 'order.refunded')).toHaveLength(2)
    expect(await shop.kept()).toBe(0)
    await expectBalanced(stack, shop)
  })
})

describe('cancelling', () => {
  test('before the capture lets the money go, and is repeatable', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('pm_card_authenticationRequired')
    await eventually(
      () => shop.payments(id),
      ([payment]) => payment?.status === 'requires_action',
    )
    const first = await shop.cancel(id, { reason: 'customer_request' })
    expect([first.status, first.body.status]).toEqual([201, 'cancelled'])
    expect((await shop.cancel(id, { refund: true })).body).toEqual(first.body)
    await eventually(
      () => shop.payments(id),
      ([payment]) => payment?.status === 'cancelled',
    )
    expect(await shop.kept()).toBe(0)
    expect(await shop.refunds()).toEqual([])
  })

  test.each([
    [true, 0, 'refunded'],
    [false, 1_400, 'paid'],
  ])('after the capture, refund: %s', async (refund, kept, status) => {
    const shop = await openCardShop(stack)
    const nobody = await makeProduct(stack.database, shop.account.accountId, { priceMinor: 700n })
    const { id } = await shop.buy('pm_card_visa', 1, { items: [{ sku: nobody.sku, quantity: 2 }] })
    await shop.until(id, ({ payment_status }) => payment_status === 'paid')
    expect((await shop.cancel(id, { refund })).body.status).toBe('cancelled')
    await eventually(
      () => shop.refunds(),
      (all) => all.length === (refund ? 1 : 0) && all.every((one) => one.status === 'succeeded'),
    )
    expect(await shop.read(id)).toMatchObject({ payment_status: status })
    expect(await shop.kept()).toBe(kept)
    await expectBalanced(stack, shop)
  })

  test('on credit releases the hold; what is delivered stays, and a done order is final', async () => {
    const shop = await openCardShop(stack)
    const { id } = await shop.buy('credit', 12)
    await shop.until(id, ({ delivered }) => delivered === 10)
    expect((await shop.cancel(id)).body).toMatchObject({ delivered: 10, cancelled: 2, final: true })
    const done = await shop.buy('credit', 1, { deadline: undefined })
    expect((await shop.cancel(done.id)).body.status).toBe('cancelled')
    await importCodes(
      stack.database,
      stack.config.keys,
      shop.account,
      { productId: shop.pooled.id },
      1,
    )
    const last = await shop.buy('credit', 1)
    await shop.until(last.id, ({ final }) => final)
    const refused = await shop.cancel(last.id)
    expect([refused.status, Reflect.get(refused.body, 'error').reason]).toEqual([
      409,
      'order_final',
    ])
    await expectBalanced(stack, shop)
  })
})
