import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { renderDifference, renderReconciliation } from '../../wire/payment-difference.ts'
import { createClient, type TestClient } from '../api/client.ts'
import { makeAccount, type TestAccount } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { startPspProcess, type PspProcess } from '../sandbox/psp-process.ts'
import { planDay, PLANTED, writeOurSide, writeTheirSide } from './planted-day.ts'

/** `BARK_RECONCILE_PAYMENTS=10000` is the long form. */
const PAYMENTS = Number(process.env['BARK_RECONCILE_PAYMENTS'] ?? 400)
const DAY = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
const WITHIN_MS = 120_000 + PAYMENTS * 20

type Difference = ReturnType<typeof renderDifference>
type Reconciliation = ReturnType<typeof renderReconciliation>

let stack: Stack
let psp: PspProcess
let account: TestAccount
let client: TestClient
const connected = `acct_${randomUUID().replaceAll('-', '')}`
const twins = planDay(DAY, PAYMENTS)

beforeAll(async () => {
  psp = await startPspProcess({ data: await writeTheirSide(connected, twins) })
  stack = await startStack('reconciliation', { env: { SANDBOX_PSP_URL: psp.url } })
  account = await makeAccount(stack.database)
  client = createClient(stack.apiUrl, account.key)
  await stack.database.db
    .updateTable('accounts')
    .set({ provider_reference: connected })
    .where('id', '=', account.accountId)
    .execute()
  await writeOurSide(stack.database, account.accountId, twins)
}, 600_000)
afterAll(async () => {
  await stack.stop()
  await psp.kill()
})

async function reconcile(date = DAY): Promise<Reconciliation> {
  const { status, body } = await client.post<Reconciliation>('/v2/payments/reconciliations', {
    date,
  })
  expect(status).toBe(201)
  const list = await eventually(
    async () => (await client.get<{ data: Reconciliation[] }>('/v2/payments/reconciliations')).body,
    ({ data }) =>
      data.some(({ id, run, status: now }) => id === body.id && run === body.run && now === 'done'),
    WITHIN_MS,
  )
  const found = list.data.find(({ id }) => id === body.id)
  if (found === undefined) throw new Error('no reconciliation')
  return found
}

async function differences(query = ''): Promise<Difference[]> {
  const all: Difference[] = []
  for (let page = 1; ; page++) {
    const path = `/v2/payments/differences?limit=50&page=${page}${query}`
    const { body } = await client.get<{ data: Difference[] }>(path)
    all.push(...body.data)
    if (body.data.length < 50) return all
  }
}

describe(`a day of ${PAYMENTS} payments with 40 planted differences of 4 kinds`, () => {
  test(
    'all 40 are found, none is invented, each is told once',
    async () => {
      const startedMs = performance.now()
      const done = await reconcile()
      process.stdout.write(
        `${PAYMENTS} payments compared in ${Math.round(performance.now() - startedMs)} ms\n`,
      )
      expect(done.open_differences).toBe(40)
      const found = await differences()
      const wanted = twins.flatMap(({ planted, providerId }) =>
        planted === null ? [] : [`${planted} ${providerId}`],
      )
      expect(wanted).toHaveLength(40)
      expect(found.map((each) => `${each.kind} ${each.provider_reference}`).toSorted()).toEqual(
        wanted.toSorted(),
      )
      for (const [kind, count] of Object.entries(PLANTED)) {
        expect(await differences(`&kind=${kind}`)).toHaveLength(count)
      }
      const { rows } = await stack.database.pool.query<{ n: string }>(
        `select count(*) as n from events where account_id = $1 and type = 'payment.difference_found'`,
        [account.accountId],
      )
      expect(Number(rows[0]?.n)).toBe(40)
    },
    WITHIN_MS,
  )

  test(
    'a second run finds what is left, tells nothing again, and resolves what was mended',
    async () => {
      const mended = twins.find(({ planted }) => planted === 'missing_there')
      await stack.database.pool.query(
        `update payment_intents set created_at = created_at - interval '30 days' where id = $1`,
        [mended?.id],
      )
      const again = await reconcile()
      expect(again).toMatchObject({ run: 2, open_differences: 39 })
      const resolved = await differences('&resolved=true')
      expect(resolved.map((each) => each.provider_reference)).toEqual([mended?.providerId])
      const one = await client.get<Difference>(`/v2/payments/differences/${resolved[0]?.id}`)
      expect(one.body).toEqual(resolved[0])
      const { rows } = await stack.database.pool.query<{ n: string }>(
        `select count(*) as n from events where account_id = $1 and type = 'payment.difference_found'`,
        [account.accountId],
      )
      expect(Number(rows[0]?.n)).toBe(40)
    },
    WITHIN_MS,
  )
})

test('a bound key sees no books, and a date that is none is refused', async () => {
  expect((await client.post('/v2/payments/reconciliations', { date: '2026-02-30' })).status).toBe(
    422,
  )
  expect((await client.get('/v2/payments/differences/pdf_1')).status).toBe(404)
})
