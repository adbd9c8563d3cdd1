import { createHmac, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { makeAccount } from '../factories.ts'

/** What a provider tells, without a worker: what is kept, and what it asks the workflow to do. */
let api: ServedApi

beforeAll(async () => {
  api = await serveApi('psp_events')
})
afterAll(() => api.stop())

/** As the provider does: again when the answer is that nobody has time. */
async function tell(
  body: string,
  secret = 'whsec_sandbox',
  at = Math.floor(Date.now() / 1000),
): Promise<Response> {
  const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
  const answer = await fetch(`${api.url}/psp/sandbox/events`, {
    method: 'POST',
    headers: { 'Stripe-Signature': `t=${at},v1=${signature}` },
    body,
  })
  return answer.status === 503 ? tell(body, secret, at) : answer
}

async function makePayment() {
  const account = await makeAccount(api.database)
  const body = { amount: 500, currency: 'usd', payment_method: 'card' }
  const made = await api.client(account.key).post<{ id: string }>('/v2/payments/intents', body)
  const connected = account.accountId.replace(/^acc_/, 'acct_')
  return { account, connected, id: made.body.id }
}

const eventOf = (account: string, paymentId: string, id = `evt_${randomUUID()}`) =>
  JSON.stringify({
    id,
    type: 'payment_intent.succeeded',
    account,
    data: {
      object: { id: 'pi_theirs', object: 'payment_intent', metadata: { bark_payment: paymentId } },
    },
  })

const starts = async (accountId: string) =>
  (
    await api.database.db
      .selectFrom('outbox')
      .select('verb')
      .where('account_id', '=', accountId)
      .execute()
  ).map(({ verb }) => verb)

test('the same event ten times at once wakes the payment once and is kept once', async () => {
  const { account, connected, id } = await makePayment()
  const event = eventOf(connected, id)
  const answers = await Promise.all(Array.from({ length: 10 }, () => tell(event)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
  expect(await starts(account.accountId)).toEqual(['start'])
})

test('a forged and a stale signature are refused, and nothing is kept', async () => {
  const { account, connected, id } = await makePayment()
  const event = eventOf(connected, id)
  expect((await tell(event, 'whsec_forged')).status).toBe(401)
  expect((await tell(event, 'whsec_sandbox', Math.floor(Date.now() / 1000) - 301)).status).toBe(401)
  expect(await starts(account.accountId)).toEqual([])
  const { id: eventId } = JSON.parse(event) as { id: string }
  const kept = await api.database.db
    .selectFrom('psp_events')
    .select('id')
    .where('id', '=', eventId)
    .execute()
  expect(kept).toEqual([])
})

test('an event of another account, or of nobody, is parked and wakes nobody', async () => {
  const { account, id } = await makePayment()
  expect(await (await tell(eventOf('acct_stranger', id))).json()).toMatchObject({ state: 'parked' })
  expect(await (await tell(eventOf('acct_stranger', 'pi_none'))).json()).toMatchObject({
    state: 'parked',
  })
  expect(await starts(account.accountId)).toEqual([])
})

test('a parked event finds its payment once the provider’s name of it is known', async () => {
  const { account, connected, id } = await makePayment()
  const theirs = `pi_${randomUUID()}`
  const event = JSON.stringify({
    id: `evt_${randomUUID()}`,
    type: 'charge.dispute.created',
    account: connected,
    data: { object: { id: `dp_${randomUUID()}`, object: 'dispute', payment_intent: theirs } },
  })
  expect(await (await tell(event)).json()).toMatchObject({ state: 'parked' })
  const { pool } = api.database
  await pool.query('update payment_intents set provider_id = $2 where id = $1', [id, theirs])
  await pool.query('select route_parked_events($1, $2)', [account.accountId, id])
  expect(await starts(account.accountId)).toEqual(['start'])
  await pool.query('select route_parked_events($1, $2)', [account.accountId, id])
  expect(await starts(account.accountId)).toEqual(['start'])
})

test('a parked event is tried again later, a dozen times', async () => {
  const { connected } = await makePayment()
  const event = eventOf(connected, 'pi_none')
  await tell(event)
  const { id } = JSON.parse(event) as { id: string }
  const { pool } = api.database
  for (let tries = 2; tries <= 14; tries++) {
    await pool.query(
      `update psp_events set next_try_at = clock_timestamp() - interval '1 second'
       where id = $1 and next_try_at is not null`,
      [id],
    )
    await pool.query('select sweep_psp_events(1000)')
  }
  const kept = await api.database.db
    .selectFrom('psp_events')
    .select(['state', 'tries', 'next_try_at'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  expect(kept).toEqual({ state: 'parked', tries: 13, next_try_at: null })
})
