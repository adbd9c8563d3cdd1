import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  markFailed,
  markSucceeded,
  paymentWorkflowId,
  refundWorkflowId,
} from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { startPspProcess, type PspProcess } from '../sandbox/psp-process.ts'
import { repeatEach } from '../workflows/steps.ts'
import { openPspGate, type PspGate } from './psp-gate.ts'
import { openTill, type Refund, type Till } from './world.ts'

/**
 * A payment service that stays silent: what nobody can find out, an operator says. Through Temporal,
 * every step runs twice; one account, whose stories are all stuck by the same day of silence.
 */

const EVIDENCE = { evidence: 'Seen in the dashboard of the provider, 14:02, by Ann.' }
/** Later than the last question before an operator is called. */
const SILENCE = 'PT26H'
/** Seven stories look seven times each. */
const STUCK_MS = 120_000

let stack: Stack
let psp: PspProcess
let gate: PspGate
let till: Till
let stuck: Awaited<ReturnType<typeof getStuck>>

beforeAll(async () => {
  psp = await startPspProcess()
  gate = await openPspGate(psp)
  stack = await startStack('operators', { env: { SANDBOX_PSP_URL: gate.url }, wrap: repeatEach })
  till = await openTill(stack)
  stuck = await getStuck()
}, 2 * STUCK_MS)
afterAll(async () => {
  await stack.stop()
  await gate.close()
  await psp.kill()
})

/** Payments and refunds of which nobody knows what became, after a day of silence. */
async function getStuck() {
  const held = () => till.create({ capture_method: 'manual' }, 0)
  const [captured, notCaptured, cancelled] = [await held(), await held(), await held()]
  const [refunded, notRefunded] = [await till.create({}, 0), await till.create({}, 0)]
  for (const { id } of [captured, notCaptured, cancelled]) {
    await till.until(id, 'requires_capture')
  }
  for (const { id } of [refunded, notRefunded]) await till.until(id, 'succeeded')
  gate.set('cut')
  const [authorized, notAuthorized] = [await till.create({}, 0), await till.create({}, 0)]
  const ask = async (path: string, body?: unknown) =>
    (await till.client.post<{ id: string }>(`/v2/payments/${path}`, body)).body.id
  await ask(`${captured.id}/capture`, { amount: 4_000 })
  await ask(`${notCaptured.id}/capture`, { amount: 4_000 })
  await ask(`${cancelled.id}/cancel`)
  const refunds = {
    made: { id: await ask(`${refunded.id}/refund`, { amount: 5_000 }), of: refunded.id },
    notMade: { id: await ask(`${notRefunded.id}/refund`, { amount: 5_000 }), of: notRefunded.id },
  }
  await till.advance(SILENCE, STUCK_MS)
  for (const { id } of [captured, notCaptured, cancelled, authorized, notAuthorized]) {
    await untilCalled(paymentWorkflowId(id, 1))
  }
  for (const { id } of [refunds.made, refunds.notMade]) await untilCalled(refundWorkflowId(id, 1))
  return { authorized, notAuthorized, captured, notCaptured, cancelled, refunds }
}

async function needsOperator(workflowId: string): Promise<unknown> {
  const { typedSearchAttributes } = await workflow(workflowId).describe()
  const all = typedSearchAttributes.getAll()
  return all.find(({ key }) => key.name === 'BarkNeedsOperator')?.value
}

const untilCalled = (workflowId: string) =>
  eventually(
    () => needsOperator(workflowId),
    (called) => called === true,
    STUCK_MS,
  )

const workflow = (workflowId: string) => stack.temporal.workflow.getHandle(workflowId)
const ofPayment = ({ id }: { id: string }) => workflow(paymentWorkflowId(id, 1))
const say = (handle: ReturnType<typeof workflow>, word: typeof markSucceeded) =>
  handle.executeUpdate(word, { args: [EVIDENCE] })

const decisions = async (storyId: string) =>
  (
    await sql<{ verb: string; note: string }>`select verb, note from operator_decisions
      where story_id = ${storyId}`.execute(stack.database.db)
  ).rows

const eventsOf = async ({ id }: { id: string }) =>
  (
    await sql<{ type: string }>`select type from events where object_id = ${id}
      order by sequence`.execute(stack.database.db)
  ).rows.map(({ type }) => type)

/** What the journals about one payment leave on a kind of account. */
async function balance({ id }: { id: string }, kind: string): Promise<bigint> {
  const { rows } = await sql<{ minor: bigint }>`
    select coalesce(sum(e.amount_minor), 0)::bigint as minor from entries e
    join journals j on j.id = e.journal_id
    join ledger_accounts a on a.id = e.ledger_account_id
    where j.source_id = ${id} and a.kind = ${kind}`.execute(stack.database.db)
  return rows[0]?.minor ?? 0n
}

describe('an authorization of which nobody knows what became', () => {
  test('was sent three times within half a minute, and after 23 hours is only asked about', async () => {
    const { id } = stuck.authorized
    const sent = gate.seen.filter(({ key }) => key?.startsWith(`${id}/authorize/`))
    expect(sent).toHaveLength(3)
    const from = gate.seen.length
    await till.advance('P2D', STUCK_MS)
    const later = gate.seen.slice(from).map(({ method }) => method)
    expect(later.length).toBeGreaterThanOrEqual(7) // each story asks at least once
    expect(new Set(later)).toEqual(new Set(['GET']))
    expect((await till.payment(id)).status).toBe('processing')
  }, 150_000)

  test.each(
    [{}, { evidence: ' ' }, { evidence: 7 }, { ...EVIDENCE, amount: 1 }, [], 'yes'].map((word) => ({
      word,
    })),
  )('takes no word without evidence: $word', async ({ word }) => {
    for (const verb of [markSucceeded, markFailed]) {
      const refused = ofPayment(stuck.authorized).executeUpdate(verb, { args: [word as never] })
      await expect(refused).rejects.toMatchObject({
        cause: { message: expect.stringContaining('evidence') },
      })
    }
    expect(await decisions(stuck.authorized.id)).toEqual([])
    expect((await till.payment(stuck.authorized.id)).status).toBe('processing')
  })

  test('is done when an operator has seen that it is', async () => {
    const payment = stuck.authorized
    const answer = await say(ofPayment(payment), markSucceeded)
    expect(answer).toEqual({ accepted: true, effect: 'It is recorded as you said.' })
    expect(await till.payment(payment.id)).toMatchObject({
      status: 'succeeded',
      amount_captured: 19_999,
    })
    expect(await ofPayment(payment).result()).toEqual({ state: 'succeeded' })
    expect(await needsOperator(paymentWorkflowId(payment.id, 1))).toBe(false)
    expect(await decisions(payment.id)).toEqual([
      { verb: 'markSucceeded', note: EVIDENCE.evidence },
    ])
    expect(await eventsOf(payment)).toEqual(['payment.succeeded'])
    expect(await balance(payment, 'psp_clearing')).toBe(19_999n)
  })

  test('failed when an operator has seen that it did, and another method may follow', async () => {
    const { id } = stuck.notAuthorized
    await say(ofPayment({ id }), markFailed)
    expect(await till.payment(id)).toMatchObject({
      status: 'failed',
      last_error: { code: 'decided_by_operator' },
    })
    expect(await eventsOf({ id })).toEqual(['payment.failed'])
    gate.set('pass')
    await till.client.post(`/v2/payments/intents/${id}/confirm`, { payment_method: 'pm_card_visa' })
    expect(await till.until(id, 'succeeded')).toMatchObject({ last_error: null })
    gate.set('cut')
  })
})

describe('an unknown capture', () => {
  test('that was made is captured, the rest released', async () => {
    const payment = stuck.captured
    await say(ofPayment(payment), markSucceeded)
    expect(await till.payment(payment.id)).toMatchObject({
      status: 'succeeded',
      amount_captured: 4_000,
    })
    expect(await balance(payment, 'psp_clearing')).toBe(4_000n)
    expect(await balance(payment, 'authorised')).toBe(0n)
  })

  test('that was not made leaves the payment as it was: it is captured anew, and then known', async () => {
    const { id } = stuck.notCaptured
    await say(ofPayment({ id }), markFailed)
    expect((await till.payment(id)).status).toBe('requires_capture')
    const again = await say(ofPayment({ id }), markFailed)
    expect(again).toEqual({ accepted: false, effect: 'Nothing is unknown here.' })
    expect(await decisions(id)).toHaveLength(1)
    gate.set('pass')
    await till.client.post(`/v2/payments/${id}/capture`, { amount: 3_000 })
    expect(await till.until(id, 'succeeded')).toMatchObject({ amount_captured: 3_000 })
    gate.set('cut')
  })
})

test('an unknown cancellation that was made lets the money go', async () => {
  const payment = stuck.cancelled
  await say(ofPayment(payment), markSucceeded)
  expect(await till.payment(payment.id)).toMatchObject({ status: 'cancelled', amount_captured: 0 })
  expect(await balance(payment, 'authorised')).toBe(0n)
})

describe('an unknown refund', () => {
  test('that was made is refunded, and told', async () => {
    const { id, of } = stuck.refunds.made
    expect((await till.refund(id)).status).toBe('unknown')
    // Its amount is held: no second refund takes the same money.
    const tooMuch = await till.client.post(`/v2/payments/${of}/refund`, { amount: 15_000 })
    expect(tooMuch.status).toBe(422)
    const handle = workflow(refundWorkflowId(id, 1))
    expect((await say(handle, markSucceeded)).accepted).toBe(true)
    expect((await till.refund(id)).status).toBe('succeeded')
    expect(await till.payment(of)).toMatchObject({ amount_refunded: 5_000 })
    expect(await eventsOf({ id: of })).toEqual(['payment.succeeded', 'payment.refunded'])
    expect(await decisions(id)).toMatchObject([{ verb: 'markSucceeded' }])
    expect(await handle.result()).toEqual({ state: 'succeeded' })
    expect(await needsOperator(refundWorkflowId(id, 1))).toBe(false)
  })

  test('that was not made gives its amount back to the payment', async () => {
    const { id, of } = stuck.refunds.notMade
    await say(workflow(refundWorkflowId(id, 1)), markFailed)
    expect(await till.refund(id)).toMatchObject({
      status: 'failed',
      last_error: { code: 'decided_by_operator' },
    })
    expect(await till.payment(of)).toMatchObject({ amount_refunded: 0 })
    gate.set('pass')
    const whole = await till.post<Refund>(`/v2/payments/${of}/refund`, {}, 10)
    expect(whole.body).toMatchObject({ amount: 19_999, status: 'succeeded' })
  })
})
