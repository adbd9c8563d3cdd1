import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { disputeActivities } from '../../activities/disputes.ts'
import type {
  PaymentProvider,
  ProviderAccount,
  ProviderMovement,
} from '../../activities/gateways/payment-provider.ts'
import { createStripeProvider } from '../../activities/gateways/stripe-provider.ts'
import { paymentActivities } from '../../activities/payments.ts'
import { refundActivities } from '../../activities/refunds.ts'
import { buildApp } from '../../api/app.ts'
import { readEnv, toConfig } from '../../config.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { createLog } from '../../log.ts'
import { makeAccount } from '../factories.ts'
import { eventually } from '../harness.ts'
import { startPspProcess, type PspProcess } from '../sandbox/psp-process.ts'
import { createTestDatabase } from '../stack.ts'
import { Killed, withFaults, type Call, type CallFault } from './faulty-provider.ts'

/**
 * Payments without Temporal and without sockets of ours: the stories' own activities and the real API
 * against the real PostgreSQL and payment service, run by a driver that may lose replies, die in the
 * middle of a call, run a story twice at once, and pass on what the service tells when it likes.
 */

const DAY_MS = 86_400_000
const CONNECTIONS = 12
const BUSY_MS_MAX = 30_000
const LOCK_TRIES_MAX = 100
const LOCK_TIMEOUT = '55P03'

/** Answers what happens to a call; null for nothing. */
export type Fate = (call: Call) => CallFault | null

/** What the payment service told, signed as it came. */
export type HeardEvent = { id: string; type: string; body: string; signature: string }

export type Chaos = {
  database: Database
  /** The payment service, without faults. */
  provider: PaymentProvider
  /** An account with a customer, books of its own and a fate of its own. */
  open(): Promise<ChaosTill>
  stop(): Promise<void>
}

export type ChaosTill = {
  accountId: string
  /** On whose behalf the provider is called, so many seconds ahead of the account's clock. */
  at(aheadSeconds: number): ProviderAccount
  /** What happens to the account's calls from now on. */
  meet(fate: Fate): void
  /** Every call that reached the adapter, in order. */
  calls: Call[]
  post<Body>(path: string, body?: unknown): Promise<{ status: number; body: Body }>
  get<Body>(path: string): Promise<Body>
  /** Runs the stories of a payment until nothing is due now, `times` at once. No kill makes it fail. */
  work(paymentId: string, times?: number): Promise<void>
  /** The payer disputes so much of a payment; nothing where the service has no such money. */
  dispute(paymentId: string, amount: number): Promise<void>
  /** Moves the account's clock: what waits is due then. */
  advance(seconds: number): Promise<void>
  /** What the payment service told so far, the first first. */
  heard: HeardEvent[]
  /** Hands an event to the API, as the payment service would. */
  deliver(event: HeardEvent): Promise<void>
  /** Everything that the provider moved, the first first. */
  movements(): Promise<ProviderMovement[]>
}

/** Starts one payment service and one API for any number of accounts. */
export async function startChaos(name: string): Promise<Chaos> {
  const testDatabase = await createTestDatabase(name)
  const psp = await startPspProcess()
  const config = toConfig(
    readEnv({ DATABASE_URL: testDatabase.url, LOG_LEVEL: 'silent', SANDBOX_PSP_URL: psp.url }),
  )
  const database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: CONNECTIONS,
    applicationName: `test-${name}`,
    onError: () => undefined,
    connectMsMax: 60_000, // more callers than connections: each gets its turn
  })
  const log = createLog(name, 'silent')
  const api = buildApp({ database, config, log })
  const provider = createStripeProvider({
    secretKey: 'sk_test_sandbox',
    url: psp.url,
    sandbox: true,
    callsPerSecondMax: 100_000,
    callMsMax: 30_000,
  })
  const tills = new Map<string, OpenTill>()
  const ear = await listenTo((account, event) => tills.get(account)?.heard.push(event))
  await psp.register(ear.url)
  const faulty = withFaults(provider, (accountId, call) => {
    const till = tills.get(connectedName(accountId))
    till?.calls.push(call)
    return till?.fate(call) ?? null
  })
  const deps = { database, log, payments: () => faulty }
  const stories: Stories = {
    ...paymentActivities(deps),
    ...refundActivities(deps),
    ...disputeActivities(deps),
  }
  return {
    database,
    provider,
    async open() {
      const { accountId, key } = await makeAccount(database, { plan: 'enterprise' })
      const caller = createCaller(api.app, key)
      const till = openTill({ database, provider, psp, stories, caller }, accountId)
      tills.set(connectedName(accountId), till)
      return till
    },
    async stop() {
      ear.server.close()
      ear.server.closeAllConnections()
      await provider.close()
      await psp.kill()
      await api.close()
      await database.close()
      await testDatabase.drop()
    },
  }
}

type Stories = Pick<ReturnType<typeof paymentActivities>, 'workPayment'> &
  Pick<ReturnType<typeof refundActivities>, 'workRefund'> &
  Pick<ReturnType<typeof disputeActivities>, 'workDispute'>

type App = ReturnType<typeof buildApp>['app']
type Caller = {
  call<Body>(method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }>
  tell(event: HeardEvent): Promise<void>
}

const connectedName = (accountId: string) => accountId.replace(/^acc_/, 'acct_')

/** Calls the API as a client and as the payment service would; again while nobody has time. */
function createCaller(app: App, key: string): Caller {
  const request = (path: string, init: RequestInit): Promise<Response> =>
    eventually(
      async () => app.request(`http://chaos${path}`, init),
      ({ status }) => status !== 503 && status !== 429,
      BUSY_MS_MAX,
    )
  return {
    async call(method, path, body) {
      const answer = await request(path, {
        method,
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: (await answer.json()) as never }
    },
    async tell({ id, body, signature }) {
      const headers = { 'Stripe-Signature': signature }
      const { status } = await request('/psp/sandbox/events', { method: 'POST', headers, body })
      if (status !== 200) throw new Error(`the API answered ${status} to ${id}`)
    },
  }
}

/** Hears what the payment service tells, and keeps it to itself. */
async function listenTo(
  hear: (account: string, event: HeardEvent) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { id, type, account } = JSON.parse(body) as Record<'id' | 'type' | 'account', string>
      hear(account, { id, type, body, signature: String(request.headers['stripe-signature']) })
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on a port has an address of this shape.
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

type OpenTill = ChaosTill & { fate: Fate }
type Parts = Pick<Chaos, 'database' | 'provider'> & {
  psp: PspProcess
  stories: Stories
  caller: Caller
}

function openTill(
  { database, provider, psp, stories, caller }: Parts,
  accountId: string,
): OpenTill {
  const { db } = database
  const at = (aheadSeconds: number): ProviderAccount => ({
    accountId,
    reference: null,
    now: new Date(Date.now() + aheadSeconds * 1000),
  })
  const till: OpenTill = {
    accountId,
    fate: () => null,
    calls: [],
    heard: [],
    at,
    meet(fate) {
      till.fate = fate
    },
    post: (path, body) => caller.call('POST', path, body),
    get: async (path) => (await caller.call<never>('GET', path)).body,
    async work(paymentId, times = 1) {
      const run = (story: () => Promise<unknown>) =>
        Promise.all(Array.from({ length: times }, () => unlessKilled(story)))
      await run(() => stories.workPayment({ accountId, paymentId }))
      const { rows } = await sql<{ id: string; kind: 'refund' | 'dispute' }>`
        select id, 'refund' as kind from refunds
          where account_id = ${accountId} and payment_id = ${paymentId} and ended_at is null
        union all select id, 'dispute' from disputes
          where account_id = ${accountId} and payment_id = ${paymentId} and ended_at is null
      `.execute(db)
      for (const { id, kind } of rows) {
        await run(() =>
          kind === 'refund'
            ? stories.workRefund({ accountId, refundId: id })
            : stories.workDispute({ accountId, disputeId: id }),
        )
      }
    },
    async dispute(paymentId, amount) {
      const { rows } = await sql<{ provider_id: string }>`select provider_id from payment_intents
        where account_id = ${accountId} and id = ${paymentId}
          and provider_id is not null`.execute(db)
      const [row] = rows
      if (row === undefined) return
      await psp
        .dispute(connectedName(accountId), row.provider_id, amount)
        .catch((error: unknown) => {
          if (!String(error).includes('can be disputed')) throw error
        })
    },
    async advance(seconds) {
      await sql`update test_clocks set offset_ms = offset_ms + ${seconds * 1000}
        where account_id = ${accountId}`.execute(db)
    },
    deliver: (event) => caller.tell(event),
    async movements() {
      const on = at((1_000 * DAY_MS) / 1000)
      const range = { from: new Date(0), before: on.now }
      const all = []
      for (let after: string | null = null; ;) {
        const listed = await provider.listMovements(on, { ...range, after })
        if (listed.kind !== 'answered') throw new Error(`no movements: ${listed.kind}`)
        all.push(...listed.value.rows)
        after = listed.value.next
        if (after === null) return all.toReversed()
      }
    },
  }
  return till
}

/** A story as Temporal runs it: one that waited too long for a lock is tried again, a dead one is not. */
async function unlessKilled(story: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await story()
      return
    } catch (error) {
      if (error instanceof Killed) return
      const isLockTimeout = Reflect.get(Object(error), 'code') === LOCK_TIMEOUT
      if (!isLockTimeout || tries === LOCK_TRIES_MAX) throw error
    }
  }
}
