import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, startStack, type Stack } from '../harness.ts'
import { findDifferences, openTill, type Payment, type Refund, type Till } from './world.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack('payments', { psp: true })
})
afterAll(() => stack.stop())

async function agree(till: Till): Promise<void> {
  await eventually(
    () => findDifferences(stack, till),
    (differences) => differences.length === 0,
  )
}

describe('a payment', () => {
  test('by card is captured, told once, and stands in both ledgers', async () => {
    const till = await openTill(stack)
    const payment = await till.create({ customer_id: till.customerId })
    expect(payment).toMatchObject({
      status: 'succeeded',
      amount: 19_999,
      amount_captured: 19_999,
      currency: 'usd',
      card: { brand: 'visa', last4: '4242' },
    })
    expect(await till.events()).toEqual(['payment.succeeded'])
    await agree(till)
    const other = await till.client.get<Payment>(`/v2/payments/${payment.payment_id}`)
    expect(other.body).toEqual(await till.payment(payment.id))
  })

  test.each([
    ['4000 0000 0000 0002', 'generic_decline'],
    ['4000000000009995', 'insufficient_funds'],
  ])('by the card %s is declined: 201 with failed, and %s', async (number, declineCode) => {
    const till = await openTill(stack)
    const card = { number, exp_month: 12, exp_year: 2040, cvc: '123' }
    const payment = await till.create({ payment_method: undefined, payment_method_data: { card } })
    expect(payment).toMatchObject({
      status: 'failed',
      last_error: { code: 'card_declined', decline_code: declineCode },
      amount_captured: 0,
    })
    expect(await till.events()).toEqual(['payment.failed'])
    const again = await till.post(
      `/v2/payments/intents/${payment.id}/confirm`,
      { payment_method: 'pm_card_visa' },
      10,
    )
    expect(again.body).toMatchObject({ status: 'succeeded', last_error: null })
    expect(await till.events()).toEqual(['payment.failed', 'payment.succeeded'])
    await agree(till)
  })

  test('by 4000 0027 6000 3184 waits for the page, and goes on by itself after a click', async () => {
    const till = await openTill(stack)
    const card = { number: '4000002760003184', exp_month: 12, exp_year: 2040, cvc: '123' }
    const waiting = await till.create({ payment_method: undefined, payment_method_data: { card } })
    expect(waiting.status).toBe('requires_action')
    const url = waiting.next_action?.url ?? ''
    await fetch(url, { method: 'POST', body: new URLSearchParams({ answer: 'pass' }) })
    expect(await till.until(waiting.id, 'succeeded')).toMatchObject({ next_action: null })
    await agree(till)
  })

  test('whose page nobody passes within a day is cancelled', async () => {
    const till = await openTill(stack)
    const { id } = await till.create({ payment_method: 'pm_card_authenticationRequired' })
    await till.advance('PT25H')
    expect((await till.payment(id)).status).toBe('cancelled')
  })

  test('with the bare type card waits for a method', async () => {
    const till = await openTill(stack)
    const bare = await till.create({ payment_method: 'card', metadata: {} })
    expect(bare.status).toBe('requires_payment_method')
    const confirmed = await till.post(
      `/v2/payments/intents/${bare.id}/confirm`,
      { payment_method: 'pm_card_mastercard' },
      10,
    )
    expect(confirmed.body).toMatchObject({ status: 'succeeded', card: { brand: 'mastercard' } })
  })

  test('by bank arrives after days, on the test clock', async () => {
    const till = await openTill(stack)
    const { id, status } = await till.create({ payment_method: 'ach' })
    expect(status).toBe('processing')
    await till.advance('P2D')
    expect((await till.payment(id)).status).toBe('processing')
    await till.advance('P2D')
    expect((await till.payment(id)).status).toBe('succeeded')
    await agree(till)
  })

  test('by bank may fail late', async () => {
    const till = await openTill(stack)
    const { id } = await till.create({ payment_method: 'pm_us_bank_account_fails' })
    await till.advance('P5D')
    expect(await till.payment(id)).toMatchObject({ status: 'failed', amount_captured: 0 })
    expect(await till.events()).toEqual(['payment.failed'])
  })
})

describe('what is held', () => {
  const hold = (till: Till) => till.create({ capture_method: 'manual' })

  test('is captured once, in part, and the rest is released', async () => {
    const till = await openTill(stack)
    const { id, amount_authorized } = await hold(till)
    expect(amount_authorized).toBe(19_999)
    const captured = await till.post(`/v2/payments/${id}/capture`, { amount: 5_000 }, 10)
    expect(captured.body).toMatchObject({ status: 'succeeded', amount_captured: 5_000 })
    const again = await till.post(`/v2/payments/${id}/capture`, {})
    expect(again.status).toBe(409)
    expect(await till.ledger()).toMatchObject([{ type: 'charge', amount: 5_000 }])
    await agree(till)
  })

  test('is captured exactly once by ten requests at once', async () => {
    const till = await openTill(stack)
    const { id } = await hold(till)
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => till.post(`/v2/payments/${id}/capture`, {})),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9)
    await till.until(id, 'succeeded')
    expect(await till.ledger()).toHaveLength(1)
  })

  test('can be let go, also twice', async () => {
    const till = await openTill(stack)
    const { id } = await hold(till)
    const cancelled = await till.post(`/v2/payments/${id}/cancel`, undefined, 10)
    expect(cancelled.body.status).toBe('cancelled')
    expect((await till.post(`/v2/payments/${id}/cancel`)).status).toBe(201)
    expect(await till.ledger()).toEqual([])
  })

  test('ends by itself when the bank lets go of it', async () => {
    const till = await openTill(stack)
    const { id } = await hold(till)
    await till.advance('P8D')
    expect((await till.payment(id)).status).toBe('cancelled')
  })

  test('that the bank no longer holds cannot be captured', async () => {
    const till = await openTill(stack)
    const held = await till.create({
      capture_method: 'manual',
      payment_method: 'pm_card_sandbox_captureFails',
    })
    await till.post(`/v2/payments/${held.id}/capture`, {}, 10)
    expect(await till.until(held.id, 'cancelled')).toMatchObject({ amount_captured: 0 })
  })
})

describe('a refund', () => {
  test('in parts never exceeds what was captured, and each part is told', async () => {
    const till = await openTill(stack)
    const { id } = await till.create()
    const refund = (amount?: number) =>
      till.post<Refund>(`/v2/payments/${id}/refund`, { amount, reason: 'customer_request' }, 10)
    expect((await refund(15_000)).body).toMatchObject({ status: 'succeeded', amount: 15_000 })
    const tooMuch = await till.client.post(`/v2/payments/${id}/refund`, { amount: 5_000 })
    expect(tooMuch.status).toBe(422)
    expect((await refund()).body).toMatchObject({ status: 'succeeded', amount: 4_999 })
    expect(await till.payment(id)).toMatchObject({ amount_refunded: 19_999 })
    expect(await till.events()).toEqual([
      'payment.succeeded',
      'payment.refunded',
      'payment.refunded',
    ])
    await agree(till)
  })

  test('asked for twenty times at once moves no more than there is', async () => {
    const till = await openTill(stack)
    const { id } = await till.create({ amount: 10_000 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        till.post<Refund>(`/v2/payments/${id}/refund`, { amount: 3_000 }),
      ),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
    const settled = await eventually(
      () => till.payment(id),
      (payment) => payment.amount_refunded >= 9_000,
    )
    expect(settled.amount_refunded).toBe(9_000)
    await agree(till)
  })

  test('that fails after days gives the amount back', async () => {
    const till = await openTill(stack)
    const { id } = await till.create({ payment_method: 'pm_card_refundFail' })
    const { body } = await till.post<Refund>(`/v2/payments/${id}/refund`, {}, 10)
    expect(body.status).toBe('pending')
    await till.advance('P6D')
    expect(await till.refund(body.id)).toMatchObject({
      status: 'failed',
      last_error: { code: 'expired_or_canceled_card' },
    })
    expect(await till.payment(id)).toMatchObject({ amount_refunded: 0 })
    await agree(till)
    expect((await till.post(`/v2/payments/${id}/refund`, {})).status).toBe(201)
  })
})

describe('a lost reply', () => {
  test.each(['drop_after', 'drop_before', 'error_after', 'error_before'])(
    'to an authorization (%s) ends in one movement',
    async (fault) => {
      const till = await openTill(stack)
      await stack.psp().plant(till.connected, 'authorize', fault)
      const { id } = await till.create({}, 0)
      await till.advance('PT10M')
      expect((await till.payment(id)).status).toBe('succeeded')
      expect(await till.ledger()).toHaveLength(1)
      expect(await till.events()).toEqual(['payment.succeeded'])
      await agree(till)
    },
  )

  test('to a capture and to a refund likewise', async () => {
    const till = await openTill(stack)
    const { id } = await till.create({ capture_method: 'manual' })
    await stack.psp().plant(till.connected, 'capture', 'drop_after')
    await till.post(`/v2/payments/${id}/capture`, {})
    await till.advance('PT10M')
    expect((await till.payment(id)).status).toBe('succeeded')
    await stack.psp().plant(till.connected, 'refund', 'error_after')
    const { body } = await till.post<Refund>(`/v2/payments/${id}/refund`, { amount: 4_000 })
    await till.advance('PT10M')
    expect((await till.refund(body.id)).status).toBe('succeeded')
    expect((await till.ledger()).map(({ amount }) => amount)).toEqual([19_999, -4_000])
    await agree(till)
  })
})

test('a bad body changes nothing and says which field', async () => {
  const till = await openTill(stack)
  const good = { amount: 100, currency: 'usd', payment_method: 'pm_card_visa' }
  const post = (change: Record<string, unknown>) =>
    till.client.post('/v2/payments/intents', { ...good, ...change })
  const refused = async (change: Record<string, unknown>, reason: string, status = 422) => {
    const answer = await post(change)
    expect([answer.status, answer.body['error']?.['reason']]).toEqual([status, reason])
  }
  await refused({ amount: 199.99 }, 'invalid_fields')
  await refused({ amount: 0 }, 'invalid_fields')
  await refused({ currency: 'xxx' }, 'invalid_fields')
  await refused({ payment_method: 'cash' }, 'invalid_fields')
  await refused({ payment_method: 'pm_unknown' }, 'invalid_fields')
  await refused({ payment_method: 'ach', currency: 'eur' }, 'payment_method_unavailable')
  await refused({ payment_method: 'bitcoin' }, 'payment_method_not_entitled', 403)
  await refused({ metadata: { note: '4111 1111 1111 1111' } }, 'card_number_refused')
  const card = { number: '4111111111111111', exp_month: 1, exp_year: 2040 }
  await refused({ payment_method: undefined, payment_method_data: { card } }, 'card_number_refused')
  const { body } = await till.client.get<{ data: unknown[] }>('/v2/payments/intents')
  expect(body.data).toEqual([])
})

test('the same key pays once, and another body under it is refused', async () => {
  const till = await openTill(stack)
  const body = { amount: 500, currency: 'usd', payment_method: 'pm_card_visa' }
  const once = { headers: { 'Idempotency-Key': 'pay once', Prefer: 'wait=10' } }
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => till.client.post<Payment>('/v2/payments/intents', body, once)),
  )
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
  expect(answers.every((answer) => answer.body.status === 'succeeded')).toBe(true)
  expect(await till.ledger()).toHaveLength(1)
  const other = await till.client.post('/v2/payments/intents', { ...body, amount: 501 }, once)
  expect(other.status).toBe(422)
})
