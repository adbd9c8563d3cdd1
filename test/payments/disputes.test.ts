import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { renderDispute } from '../../wire/dispute.ts'
import { accept, disputeWorkflowId, submitEvidence } from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { repeatEach } from '../workflows/steps.ts'
import { findDifferences, openTill, type Payment, type Refund, type Till } from './world.ts'

/** `handleDispute` through Temporal, against the sandbox payment service; every step runs twice. */

type Dispute = ReturnType<typeof renderDispute>

let stack: Stack

beforeAll(async () => {
  stack = await startStack('disputes', { psp: true, wrap: repeatEach })
})
afterAll(() => stack.stop())

async function agree(till: Till): Promise<void> {
  await eventually(
    () => findDifferences(stack, till),
    (differences) => differences.length === 0,
  )
}

const read = async (till: Till, id: string) =>
  (await till.client.get<Dispute>(`/v2/payments/disputes/${id}`)).body

const until = (till: Till, id: string, status: Dispute['status']) =>
  eventually(
    () => read(till, id),
    (dispute) => dispute.status === status,
  )

async function openDispute(till: Till, body: Record<string, unknown> = {}) {
  const payment = await till.create({ payment_method: 'pm_card_createDispute', ...body })
  return findDispute(till, payment)
}

async function findDispute(till: Till, payment: Payment) {
  const { body: list } = await eventually(
    () => till.client.get<{ data: Dispute[] }>(`/v2/payments/disputes?payment_id=${payment.id}`),
    ({ body: seen }) => seen.data.length === 1,
  )
  const [found] = list.data
  if (found === undefined) throw new Error('no dispute')
  return { payment, found, path: `/v2/payments/disputes/${found.id}` }
}

const respond = (till: Till, path: string, body: unknown) =>
  till.client.post<Dispute>(`${path}/respond`, body)

describe('a dispute', () => {
  test('takes the money and its fee at once, and no refund is made beside it', async () => {
    const till = await openTill(stack)
    const { payment, found } = await openDispute(till)
    expect(found).toMatchObject({
      status: 'needs_response',
      reason: 'fraudulent',
      amount: 19_999,
      fee: 1_500,
      currency: 'usd',
      response: null,
    })
    expect(await till.payment(payment.id)).toMatchObject({ amount_disputed: 19_999 })
    const refund = await till.client.post(`/v2/payments/${payment.id}/refund`, { amount: 1 })
    expect([refund.status, refund.body['error']?.['reason']]).toEqual([409, 'payment_disputed'])
    expect(await till.events()).toEqual(['payment.succeeded', 'dispute.opened'])
    await agree(till)
  })

  test('by the number 4000 0000 0000 0259 likewise', async () => {
    const till = await openTill(stack)
    const card = { number: '4000 0000 0000 0259', exp_month: 12, exp_year: 2040, cvc: '123' }
    const made = await openDispute(till, {
      payment_method: undefined,
      payment_method_data: { card },
    })
    expect(made.found.status).toBe('needs_response')
  })

  test('that is won gives the money and the fee back, and then a refund is possible', async () => {
    const till = await openTill(stack)
    const { payment, found, path } = await openDispute(till)
    const answer = await respond(till, path, {
      evidence: {
        transaction_details: 'winning_evidence',
        communication_logs: 'They said thanks.',
      },
      files: [
        {
          kind: 'shipping_proof',
          name: 'proof.pdf',
          content_type: 'application/pdf',
          content: Buffer.from('%PDF-1.7 signed for').toString('base64'),
        },
      ],
    })
    expect([answer.status, answer.body.response?.kind]).toEqual([201, 'evidence'])
    const won = await until(till, found.id, 'won')
    expect(won).toMatchObject({
      amount_returned: 19_999,
      fee: 0,
      response: { status: 'submitted' },
      files: [{ kind: 'shipping_proof', name: 'proof.pdf', size_bytes: 19 }],
    })
    expect(await till.events()).toEqual(['payment.succeeded', 'dispute.opened', 'dispute.won'])
    await agree(till)
    const refund = await till.post<Refund>(`/v2/payments/${payment.id}/refund`, {}, 10)
    expect(refund.body).toMatchObject({ status: 'succeeded', amount: 19_999 })
    await agree(till)
  })

  test('that is lost is money lost: nothing is left to refund', async () => {
    const till = await openTill(stack)
    const { payment, found, path } = await openDispute(till)
    await respond(till, path, { evidence: { transaction_details: 'losing_evidence' } })
    await until(till, found.id, 'lost')
    expect(await till.payment(payment.id)).toMatchObject({ amount_disputed: 19_999 })
    expect((await till.client.post(`/v2/payments/${payment.id}/refund`, {})).status).toBe(422)
    await agree(till)
    expect(await balances(till)).toMatchObject({ disputed: 0n, dispute_losses: 19_999n })
  })

  test('over a part of what a refund left is lost: the rest may be refunded, and not a cent more', async () => {
    const till = await openTill(stack)
    const payment = await till.create()
    const refund = (amount?: number) =>
      till.post<Refund>(`/v2/payments/${payment.id}/refund`, { amount }, 10)
    expect((await refund(5_000)).body).toMatchObject({ status: 'succeeded' })
    const { rows } = await stack.database.pool.query<{ provider_id: string }>(
      'select provider_id from payment_intents where id = $1',
      [payment.id],
    )
    await stack.psp().dispute(till.connected, rows[0]?.provider_id ?? '', 7_000)
    const { found, path } = await findDispute(till, payment)
    expect(found.amount).toBe(7_000)
    expect(await till.payment(payment.id)).toMatchObject({
      amount_refunded: 5_000,
      amount_disputed: 7_000,
    })
    expect((await refund(1)).status).toBe(409)
    await respond(till, path, { evidence: { transaction_details: 'losing_evidence' } })
    await until(till, found.id, 'lost')
    await agree(till)
    expect(await balances(till)).toMatchObject({ disputed: 0n, dispute_losses: 7_000n })

    expect((await refund(8_000)).status).toBe(422)
    expect((await refund()).body).toMatchObject({ status: 'succeeded', amount: 7_999 })
    expect((await refund(1)).status).toBe(422)
    expect(await till.payment(payment.id)).toMatchObject({
      amount_captured: 19_999,
      amount_refunded: 12_999,
      amount_disputed: 7_000,
    })
    await agree(till)
    expect((await till.ledger()).reduce((sum, { amount }) => sum + amount, 0)).toBe(0)
  })

  test('that is accepted is lost, and a second answer is refused', async () => {
    const till = await openTill(stack)
    const { found, path } = await openDispute(till)
    const once = { headers: { Prefer: 'wait=10' } }
    const accepted = await till.client.post<Dispute>(`${path}/accept`, undefined, once)
    expect(accepted.status).toBe(201)
    expect(await until(till, found.id, 'lost')).toMatchObject({
      response: { kind: 'accepted', status: 'submitted' },
    })
    expect((await till.client.post(`${path}/accept`)).status).toBe(409)
    await agree(till)
  })

  test('whose evidence convinces nobody is under review, then lost', async () => {
    const till = await openTill(stack)
    const { found, path } = await openDispute(till)
    await respond(till, path, { evidence: { communication_logs: 'We wrote to them.' } })
    await until(till, found.id, 'under_review')
    await till.advance('P10D') // a week of review, asked about every three days
    expect((await read(till, found.id)).status).toBe('lost')
    expect(await till.events()).toEqual([
      'payment.succeeded',
      'dispute.opened',
      'dispute.under_review',
      'dispute.lost',
    ])
  })

  test('reminds 72 and 24 hours before its deadline, once each, and is lost after it', async () => {
    const till = await openTill(stack)
    const { found, path } = await openDispute(till)
    await till.advance('PT143H')
    expect(await till.events()).toHaveLength(2)
    await till.advance('PT2H')
    expect((await till.events()).slice(2)).toEqual(['dispute.evidence_due'])
    await till.advance('PT48H')
    expect((await till.events()).slice(3)).toEqual(['dispute.evidence_due'])
    await till.advance('PT24H')
    expect((await till.events()).slice(4)).toEqual(['dispute.lost'])
    expect(await read(till, found.id)).toMatchObject({ status: 'lost', response: null })
    expect((await till.client.post(`${path}/accept`)).status).toBe(409)
    await agree(till)
  })

  test.each(['drop_after', 'drop_before', 'error_after', 'error_before'])(
    'whose answer is lost on its way (%s) is answered once',
    async (fault) => {
      const till = await openTill(stack)
      const { found, path } = await openDispute(till)
      await stack.psp().plant(till.connected, 'respond', fault)
      await respond(till, path, { evidence: { transaction_details: 'winning_evidence' } })
      await till.advance('PT10M')
      expect((await read(till, found.id)).status).toBe('won')
      expect(await till.ledger()).toHaveLength(3)
      await agree(till)
    },
  )
})

describe('an operator', () => {
  const workflow = (id: string) => stack.temporal.workflow.getHandle(disputeWorkflowId(id, 1))

  test('gives a dispute up', async () => {
    const till = await openTill(stack)
    const { found } = await openDispute(till)
    const answer = await workflow(found.id).executeUpdate(accept, { args: [{ note: 'too small' }] })
    expect(answer.accepted).toBe(true)
    await until(till, found.id, 'lost')
  })

  test('answers with the evidence of the order, and is told when there is none', async () => {
    const till = await openTill(stack)
    const { found } = await openDispute(till)
    const answer = await workflow(found.id).executeUpdate(submitEvidence, { args: [{}] })
    expect(answer).toEqual({
      accepted: false,
      effect: 'The payment is of no order: there is no evidence.',
    })
  })

  test('finds the dispute by its payment and its amount', async () => {
    const till = await openTill(stack)
    const { found, payment } = await openDispute(till)
    const seen = await eventually(
      async () => {
        const { typedSearchAttributes } = await workflow(found.id).describe()
        const all = typedSearchAttributes.getAll()
        return Object.fromEntries(all.map(({ key, value }) => [key.name, value]))
      },
      (attributes) => attributes['BarkStage'] !== undefined,
    )
    expect(seen).toMatchObject({
      BarkPayment: payment.id,
      BarkAmountMinor: 19_999,
      BarkStage: 'needs_response',
    })
  })
})

test('an event of a dispute that the provider does not have changes nothing', async () => {
  const till = await openTill(stack)
  const payment: Payment = await till.create()
  const { rows } = await stack.database.pool.query<{ id: string }>(
    `select tell_dispute($1, $2, 'dp_invented', 'test') as id`,
    [till.account.accountId, payment.id],
  )
  await eventually(
    async () =>
      (
        await stack.database.pool.query<{ ended: boolean }>(
          'select ended_at is not null as ended from disputes where id = $1',
          [rows[0]?.id],
        )
      ).rows[0]?.ended,
    (ended) => ended === true,
  )
  expect((await till.client.get(`/v2/payments/disputes/${rows[0]?.id}`)).status).toBe(404)
  expect((await till.client.post(`/v2/payments/${payment.id}/refund`, {})).status).toBe(201)
})

async function balances(till: Till): Promise<Record<string, bigint>> {
  const { rows } = await stack.database.pool.query<{ kind: string; minor: bigint }>(
    `select a.kind, sum(e.amount_minor)::bigint as minor
     from entries e join ledger_accounts a on a.id = e.ledger_account_id
     where a.account_id = $1 group by a.kind`,
    [till.account.accountId],
  )
  return Object.fromEntries(rows.map(({ kind, minor }) => [kind, minor]))
}
