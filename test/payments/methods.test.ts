import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  capabilitiesOf,
  PAID_METHODS,
  type PaymentMethodName,
} from '../../domain/payment-method.ts'
import { TEST_CARDS } from '../../domain/test-card.ts'
import { createClient } from '../api/client.ts'
import { makeAccount } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { findDifferences, openTill, type Payment, type Refund, type Till } from './world.ts'

let stack: Stack
const logged: string[] = []

beforeAll(async () => {
  stack = await startStack('methods', {
    psp: true,
    logTo: { write: (line) => logged.push(line) },
  })
})
afterAll(() => stack.stop())

async function agree(till: Till): Promise<void> {
  await eventually(
    () => findDifferences(stack, till),
    (differences) => differences.length === 0,
  )
}

/** What the payer of each method sees first. */
const FIRST: Readonly<Record<string, Payment['status']>> = {
  immediate: 'succeeded',
  redirect: 'requires_action',
  delayed: 'processing',
}
/** Crypto is approved on a page, and then confirmed by its network. */
const firstOf = (method: PaymentMethodName) =>
  capabilitiesOf(method).group === 'crypto' ? 'requires_action' : FIRST[capabilitiesOf(method).flow]

describe('on the Enterprise plan', () => {
  test('each method of the published list pays in its own way', async () => {
    const till = await openTill(stack, { plan: 'enterprise' })
    const payments = await Promise.all(
      PAID_METHODS.map(async (method) => {
        const { id } = await till.create(method === 'card' ? {} : { payment_method: method }, 0)
        const first = await till.until(id, firstOf(method) ?? 'failed')
        expect([method, first.payment_method]).toEqual([method, method])
        if (first.next_action !== null) {
          const body = new URLSearchParams({ answer: 'pass' })
          await fetch(first.next_action.url, { method: 'POST', body })
        }
        return id
      }),
    )
    expect(payments).toHaveLength(10)
    await till.advance('P4D')
    for (const id of payments) expect((await till.until(id, 'succeeded')).status).toBe('succeeded')
    expect(await till.ledger()).toHaveLength(10)
    await agree(till)
  }, 60_000)

  test('each brand of card pays by its number', async () => {
    const till = await openTill(stack)
    const brands: (string | undefined)[] = []
    for (const { number, brand } of TEST_CARDS.filter(
      ({ token }) => token === `pm_card_${token.slice('pm_card_'.length).replace(/_.*/, '')}`,
    )) {
      const card = { number, exp_month: 12, exp_year: 2040, cvc: brand === 'amex' ? '1234' : '123' }
      const body = { payment_method: undefined, payment_method_data: { card } }
      const { id } = await till.create(body, 0)
      await till.until(id, 'succeeded', 'requires_action')
      brands.push((await till.payment(id)).card?.brand)
    }
    expect(new Set(brands)).toEqual(new Set(['visa', 'mastercard', 'amex', 'discover']))
  })
})

test.each(['bitcoin', 'ethereum'])('%s is 403 on every other plan', async (payment_method) => {
  for (const plan of ['starter', 'professional'] as const) {
    const till = await openTill(stack, { plan })
    const body = { amount: 500, currency: 'usd', payment_method }
    const answer = await till.client.post('/v2/payments/intents', body)
    expect([answer.status, answer.body['error']?.['reason']]).toEqual([
      403,
      'payment_method_not_entitled',
    ])
    expect((await till.client.get<{ data: unknown[] }>('/v2/payments/intents')).body.data).toEqual(
      [],
    )
  }
})

describe('Prefer: wait', () => {
  const waiting = (seconds: number) => ({ headers: { Prefer: `wait=${seconds}` } })
  const post = <Shape>(till: Till, path: string, body: unknown, seconds = 10) =>
    eventually(
      () => till.client.post<Shape>(path, body, waiting(seconds)),
      ({ status }) => status !== 503,
    )

  test('answers with the outcome of create, confirm, capture and refund', async () => {
    const till = await openTill(stack)
    const made = await post<Payment>(till, '/v2/payments/intents', {
      amount: 900,
      currency: 'usd',
      payment_method: 'pm_card_visa_chargeDeclined',
      capture_method: 'manual',
    })
    const path = `/v2/payments/intents/${made.body.id}`
    const answers = [
      made,
      await post<Payment>(till, `${path}/confirm`, { payment_method: 'pm_card_visa' }),
      await post<Payment>(till, `${path}/capture`, {}),
      await post<Refund>(till, `/v2/payments/${made.body.payment_id}/refund`, {}),
    ]
    expect(
      answers.map(({ status, body, headers }) => [
        status,
        body.status,
        headers.get('preference-applied'),
      ]),
    ).toEqual([
      [201, 'failed', 'wait=10'],
      [201, 'requires_capture', 'wait=10'],
      [201, 'succeeded', 'wait=10'],
      [201, 'succeeded', 'wait=10'],
    ])
  }, 60_000)

  test('answers with what is known when the outcome takes longer, and never waits above 10 s', async () => {
    const till = await openTill(stack)
    const body = { amount: 900, currency: 'usd', payment_method: 'pm_card_sandbox_slow' }
    const late = await post<Payment>(till, '/v2/payments/intents', body, 1)
    expect([late.status, late.body.status]).toEqual([201, 'processing'])
    await till.until(late.body.id, 'succeeded')
    const long = await post<Payment>(till, '/v2/payments/intents', body, 60)
    expect(long.headers.get('preference-applied')).toBe('wait=10')
  })
})

describe('the ledger', () => {
  /** `journal: account amount, …`, in the order of posting. */
  async function journals(till: Till): Promise<string[]> {
    const { rows } = await sql<{ line: string }>`
      select j.kind || ': ' || string_agg(a.kind || ' ' || e.amount_minor, ', ' order by a.kind) as line
      from journals j join entries e on e.journal_id = j.id
      join ledger_accounts a on a.id = e.ledger_account_id
      where j.account_id = ${till.account.accountId}
      group by j.id order by j.created_at, j.id`.execute(stack.database.db)
    return rows.map(({ line }) => line)
  }

  test('has a journal for what was held, captured, kept as a fee and refunded', async () => {
    const till = await openTill(stack)
    const { id } = await till.create({ amount: 10_000, capture_method: 'manual' }, 0)
    await till.until(id, 'requires_capture')
    await till.client.post(`/v2/payments/${id}/capture`, { amount: 6_000 })
    await till.until(id, 'succeeded')
    await till.client.post(`/v2/payments/${id}/refund`, { amount: 2_000 })
    const { id: released } = await till.create({ amount: 700, capture_method: 'manual' }, 0)
    await till.until(released, 'requires_capture')
    await till.client.post(`/v2/payments/${released}/cancel`)
    const lines = await eventually(
      () => journals(till),
      (all) => all.length === 6,
    )
    expect(lines.toSorted()).toEqual([
      'authorisation_released: authorised -700, authorised_offset 700',
      'payment_authorised: authorised 10000, authorised_offset -10000',
      'payment_authorised: authorised 700, authorised_offset -700',
      'payment_captured: authorised -10000, authorised_offset 10000, prepayments -6000, psp_clearing 6000',
      'psp_fee_charged: psp_clearing -204, psp_fees 204',
      'refund_succeeded: prepayments 2000, psp_clearing -2000',
    ])
  })

  test.each([
    ['winning_evidence', 'dispute_won: disputed -5000, psp_clearing 6500, psp_fees -1500'],
    ['losing_evidence', 'dispute_lost: dispute_losses 5000, disputed -5000'],
  ])('has one for a dispute that opens, and one for its end by %s', async (text, end) => {
    const till = await openTill(stack)
    await till.create({ amount: 5_000, payment_method: 'pm_card_createDispute' }, 0)
    const { body } = await eventually(
      () => till.client.get<{ data: { id: string }[] }>('/v2/payments/disputes'),
      (seen) => seen.body.data.length === 1,
    )
    const evidence = { transaction_details: text }
    await till.client.post(`/v2/payments/disputes/${body.data[0]?.id}/respond`, { evidence })
    const lines = await eventually(
      () => journals(till),
      (all) => all.length === 4,
    )
    expect(lines.toSorted()).toEqual(
      [
        'dispute_opened: disputed 5000, psp_clearing -6500, psp_fees 1500',
        end,
        'payment_captured: prepayments -5000, psp_clearing 5000',
        'psp_fee_charged: psp_clearing -175, psp_fees 175',
      ].toSorted(),
    )
    await agree(till)
  })
})

describe('a card number', () => {
  const STRANGER = '4111111111111111'
  const base = { amount: 500, currency: 'usd', payment_method: 'pm_card_visa' }
  const card = (number: string) => ({ card: { number, exp_month: 12, exp_year: 2040, cvc: '123' } })
  const spaced = (number: string) => number.replaceAll(/(\d{4})(?=\d)/g, '$1 ')

  test('that is not published is 422 wherever it stands, and neither kept nor logged', async () => {
    const till = await openTill(stack)
    const bodies = [
      { ...base, metadata: { note: `card ${spaced(STRANGER)}` } },
      { ...base, payment_method: STRANGER },
      { ...base, payment_method: undefined, payment_method_data: card(STRANGER) },
    ]
    for (const body of bodies) {
      const answer = await till.client.post('/v2/payments/intents', body)
      expect([answer.status, answer.body['error']?.['reason']]).toEqual([
        422,
        'card_number_refused',
      ])
      expect(answer.bytes.toString()).not.toContain(STRANGER.slice(-8))
    }
    const { id } = await till.create({}, 0)
    await till.until(id, 'succeeded')
    const refund = await till.client.post(`/v2/payments/${id}/refund`, { reason: STRANGER })
    expect(refund.status).toBe(422)
    await expectNowhere(till, STRANGER)
  })

  test('that is published goes to the tokenizer and is kept nowhere', async () => {
    const till = await openTill(stack)
    const number = '4242424242424242'
    const body = { payment_method: undefined, payment_method_data: card(spaced(number)) }
    const { id } = await till.create(body, 0)
    expect((await till.until(id, 'succeeded')).card).toEqual({ brand: 'visa', last4: '4242' })
    await expectNowhere(till, number)
  })

  test('is never taken on a live account, published or not', async () => {
    const { key } = await makeAccount(stack.database, { mode: 'live' })
    for (const number of ['4242424242424242', STRANGER]) {
      const body = { ...base, payment_method: undefined, payment_method_data: card(number) }
      const answer = await createClient(stack.apiUrl, key).post('/v2/payments/intents', body)
      expect([answer.status, answer.body['error']?.['reason']]).toEqual([
        422,
        'card_number_refused',
      ])
    }
  })

  /** Not in the log, and not in any row of the account. */
  async function expectNowhere(till: Till, number: string): Promise<void> {
    const { rows } = await sql<{ table_name: string }>`
      select table_name from information_schema.columns
      where table_schema = 'public' and column_name = 'account_id'
        and table_name in (select tablename from pg_tables where schemaname = 'public')`.execute(
      stack.database.db,
    )
    expect(rows.length).toBeGreaterThan(20)
    for (const { table_name: name } of rows) {
      const found = await sql<{ row: string }>`select t::text as row from ${sql.table(name)} t
        where account_id = ${till.account.accountId}
          and regexp_replace(t::text, '[ -]', '', 'g') like ${`%${number}%`}`.execute(
        stack.database.db,
      )
      expect([name, found.rows]).toEqual([name, []])
    }
    const log = logged.join('\n')
    expect(log.length).toBeGreaterThan(0)
    expect(log.replaceAll(/[ -]/g, '')).not.toContain(number)
  }
})
