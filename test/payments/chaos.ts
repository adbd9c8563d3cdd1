import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type {
  PaymentProvider,
  ProviderAccount,
  ProviderMovement,
  ProviderOutcome,
} from '../../activities/gateways/payment-provider.ts'
import { createStripeProvider } from '../../activities/gateways/stripe-provider.ts'
import { paymentActivities } from '../../activities/payments.ts'
import { refundActivities } from '../../activities/refunds.ts'
import { storePspEvent } from '../../db/psp-events.ts'
import { createLog } from '../../log.ts'
import type { TestClient } from '../api/client.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { makeAccount, makeCustomer, type TestAccount } from '../factories.ts'
import type { Random } from '../faults/random.ts'
import { startPspProcess } from '../sandbox/psp-process.ts'

/**
 * Payments without Temporal: the stories' own activities against the real API, PostgreSQL and payment
 * service, run by a driver that may lose replies, die in the middle of one, and run two at once.
 */

const DAY_MS = 86_400_000

/**
 * `lost`: carried out, and nobody hears of it. `never`: cut before it arrived. `killed_before`,
 * `killed_after`: whoever made the call is dead.
 */
export type CallFault = 'lost' | 'never' | 'killed_before' | 'killed_after'

export type Call = {
  kind: 'authorize' | 'capture' | 'cancel' | 'refund' | 'ask'
  key: string | null
  at: Date
}

/** Answers what happens to a call; null for nothing. */
export type Fate = (call: Call) => CallFault | null

class Killed extends Error {}

export type Chaos = {
  api: ServedApi
  provider: PaymentProvider
  fate: Fate
  /** Every call that reached the adapter, in order. */
  calls: Call[]
  open(): Promise<ChaosTill>
  stop(): Promise<void>
}

export type ChaosTill = {
  account: TestAccount
  client: TestClient
  /** Runs the stories of a payment until nothing is due at this instant. Never fails by a kill. */
  work(paymentId: string, random: Random): Promise<void>
  /** Moves the account's clock: what waits is due then. */
  advance(seconds: number): Promise<void>
  /** The provider tells something about a payment: it may be old, doubled or out of order. */
  tell(paymentId: string, event?: string): Promise<void>
  /** Everything that the provider moved, the first first. */
  movements(): Promise<ProviderMovement[]>
}

export async function startChaos(name: string): Promise<Chaos> {
  const psp = await startPspProcess()
  const api = await serveApi(name, { SANDBOX_PSP_URL: psp.url })
  const { database } = api
  const provider = createStripeProvider({
    secretKey: 'sk_test_sandbox',
    url: psp.url,
    sandbox: true,
    callsPerSecondMax: 100_000,
    callMsMax: 30_000,
  })
  const chaos: Chaos = {
    api,
    provider,
    fate: () => null,
    calls: [],
    async open() {
      const account = await makeAccount(database)
      await makeCustomer(database, account.accountId)
      return openTill(chaos, account, { ...payments, ...refunds })
    },
    async stop() {
      await provider.close()
      await api.stop()
      await psp.kill()
    },
  }
  const deps = {
    database,
    log: createLog('chaos', 'silent'),
    payments: () => withFaults(provider, chaos),
  }
  const payments = paymentActivities(deps)
  const refunds = refundActivities(deps)
  return chaos
}

type Stories = ReturnType<typeof paymentActivities> & ReturnType<typeof refundActivities>

function openTill(chaos: Chaos, account: TestAccount, stories: Stories): ChaosTill {
  const { accountId } = account
  const { db } = chaos.api.database
  const unlessKilled = async (story: Promise<unknown>) => {
    await story.catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error
    })
  }
  return {
    account,
    client: chaos.api.client(account.key),
    async work(paymentId, random) {
      const payment = { accountId, paymentId }
      // Two at once, as when a worker is thought dead and is not.
      const twice = random.integer(4) === 0 ? 2 : 1
      const run = (story: () => Promise<unknown>) =>
        Promise.all(Array.from({ length: twice }, () => unlessKilled(story())))
      await run(() => stories.workPayment(payment))
      const refunds = await db
        .selectFrom('refunds')
        .select('id')
        .where('account_id', '=', accountId)
        .where('payment_id', '=', paymentId)
        .where('ended_at', 'is', null)
        .execute()
      for (const { id: refundId } of refunds) {
        await run(() => stories.workRefund({ accountId, refundId }))
      }
    },
    async advance(seconds) {
      await sql`update test_clocks set offset_ms = offset_ms + ${seconds * 1000}
        where account_id = ${accountId}`.execute(db)
    },
    async tell(paymentId, event = `evt_${randomUUID()}`) {
      const facts = { payment_id: paymentId, payment_provider_id: null, refund_id: null }
      await storePspEvent(
        db,
        {
          ...facts,
          provider: 'sandbox',
          id: event,
          type: 'payment_intent.told',
          provider_account: account.accountId.replace(/^acc_/, 'acct_'),
          dispute_provider_id: null,
          wanted: true,
        },
        Buffer.from('{}'),
      )
    },
    async movements() {
      const on = { accountId, reference: null, now: new Date(Date.now() + 1_000 * DAY_MS) }
      const range = { from: new Date(0), before: on.now }
      const all = []
      for (let after: string | null = null; ;) {
        const listed = await chaos.provider.listMovements(on, { ...range, after })
        if (listed.kind !== 'answered') throw new Error(`no movements: ${listed.kind}`)
        all.push(...listed.value.rows)
        after = listed.value.next
        if (after === null) return all.toReversed()
      }
    },
  }
}

/** The real adapter; what `fate` says happens to its calls. */
function withFaults(provider: PaymentProvider, chaos: Chaos): PaymentProvider {
  const meet = async <Value>(
    kind: Call['kind'],
    { now }: ProviderAccount,
    key: string | null,
    call: () => Promise<ProviderOutcome<Value>>,
  ): Promise<ProviderOutcome<Value>> => {
    const seen = { kind, key, at: now }
    chaos.calls.push(seen)
    const fault = chaos.fate(seen)
    if (fault === 'killed_before') throw new Killed()
    if (fault === 'never') return { kind: 'unknown', said: 'never arrived' }
    const outcome = await call()
    if (fault === 'killed_after') throw new Killed()
    return fault === 'lost' ? { kind: 'unknown', said: 'the reply was lost' } : outcome
  }
  return {
    ...provider,
    authorize: (on, key, request) =>
      meet('authorize', on, key, () => provider.authorize(on, key, request)),
    capture: (on, key, request) =>
      meet('capture', on, key, () => provider.capture(on, key, request)),
    cancel: (on, key, request) => meet('cancel', on, key, () => provider.cancel(on, key, request)),
    refund: (on, key, request) => meet('refund', on, key, () => provider.refund(on, key, request)),
    findPayment: (on, by) => meet('ask', on, null, () => provider.findPayment(on, by)),
    findRefund: (on, by) => meet('ask', on, null, () => provider.findRefund(on, by)),
  }
}
