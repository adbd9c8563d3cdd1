import { z } from 'zod'
import type { EventType } from '../domain/event-type.ts'
import type { ApiClient } from './api-client.ts'
import type { Caused, EventAct } from './event-act.ts'
import { until } from './until.ts'

/** How the events about money at the payment service are caused. */
export const PAYMENT_ACTS: Readonly<Partial<Record<EventType, EventAct>>> = {
  'payment.succeeded': { cause: async ({ api }) => pay(api, 'pm_card_visa') },
  'payment.failed': { cause: async ({ api }) => pay(api, 'pm_card_visa_chargeDeclined') },
  'payment.refunded': {
    async cause({ api }) {
      const { path } = await pay(api, 'pm_card_visa')
      await until(
        'the payment',
        () => api.get(path, withStatus),
        ({ status }) => status === 'succeeded',
      )
      await api.post(path.replace('/intents', '') + '/refund', {}, withId)
      return { path }
    },
  },
  'dispute.opened': { cause: async ({ api }) => disputed(api) },
  'dispute.evidence_due': {
    async cause({ api }) {
      const dispute = await disputed(api)
      await api.post('/v2/test_clock', { advance: 'PT145H' }, z.object({}))
      return dispute
    },
  },
  'dispute.under_review': { cause: ({ api }) => answered(api, 'A receipt.') },
  'dispute.won': { cause: ({ api }) => answered(api, 'winning_evidence') },
  'dispute.lost': {
    async cause({ api }) {
      const { path } = await disputed(api)
      await api.post(`${path}/accept`, undefined, withId)
      return { path }
    },
  },
  'ledger.out_of_balance': {
    async cause(scene) {
      await PAYMENT_ACTS['payment.difference_found']?.cause(scene)
      const { id } = await scene.api.post('/v2/ledger/reconciliations', undefined, withId)
      const path = `/v2/ledger/reconciliations/${id}`
      await until(
        'the report',
        () => scene.api.get(path, withStatus),
        ({ status }) => status === 'done',
      )
      return { path }
    },
  },
  'payment.difference_found': {
    async cause({ api, payPastUs }) {
      const payment = await pay(api, 'pm_card_visa')
      await payPastUs(payment.path.split('/').at(-1) ?? '')
      const { now } = await api.get('/v2/test_clock', withNow)
      // Which of them it is, the account's time zone decides.
      for (const days of [-1, 0, 1]) {
        const at = new Date(Date.parse(now) + days * DAY_MS)
        const date = at.toISOString().slice(0, 'YYYY-MM-DD'.length)
        await api.post('/v2/payments/reconciliations', { date }, withId)
      }
      const { data } = await until(
        'the difference',
        () => api.get('/v2/payments/differences?kind=missing_here', withData),
        (seen) => seen.data.length > 0,
      )
      return { path: `/v2/payments/differences/${data[0]?.id}` }
    },
  },
}

const DAY_MS = 86_400_000
const withNow = z.object({ now: z.iso.datetime() })
const withId = z.object({ id: z.string() })
const withStatus = z.object({ status: z.string() })
const withData = z.object({ data: z.array(withId) })

/** A payment at the sandbox payment service that no request of ours made. */
export async function payAtSandbox(url: string, accountId: string): Promise<void> {
  const answer = await fetch(`${url}/v1/payment_intents`, {
    method: 'POST',
    headers: {
      Authorization: 'Bearer sk_test_sandbox',
      'Stripe-Account': accountId.replace(/^acc_/, 'acct_'),
    },
    body: new URLSearchParams({
      amount: '700',
      currency: 'usd',
      payment_method: 'pm_card_visa',
      confirm: 'true',
    }),
  })
  if (!answer.ok) throw new Error(`The sandbox payment service answered ${answer.status}`)
}

/** A payment with one of the sandbox's tokens: see docs/payments.md. */
async function pay(api: ApiClient, token: string): Promise<Caused> {
  const body = { amount: 500, currency: 'usd', payment_method: token }
  const { id } = await api.post('/v2/payments/intents', body, withId)
  return { path: `/v2/payments/intents/${id}` }
}

/** A payment that its payer disputes at once, and its dispute. */
async function disputed(api: ApiClient): Promise<Caused> {
  const payment = await pay(api, 'pm_card_createDispute')
  const of = payment.path.replace('/v2/payments/intents/', '')
  const { data } = await until(
    'the dispute',
    () => api.get(`/v2/payments/disputes?payment_id=${of}`, withData),
    (seen) => seen.data.length > 0,
  )
  return { path: `/v2/payments/disputes/${data[0]?.id}` }
}

async function answered(api: ApiClient, transaction_details: string): Promise<Caused> {
  const { path } = await disputed(api)
  await api.post(`${path}/respond`, { evidence: { transaction_details } }, withId)
  return { path }
}
