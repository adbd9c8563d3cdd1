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
