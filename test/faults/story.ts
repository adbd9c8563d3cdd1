import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { HistoryClient, Try } from './history.ts'
import { fieldsOf, listOf, textOf } from './json.ts'
import { checkDrained } from './invariants.ts'
import type { Merchant, Stage, Told } from './merchant.ts'
import { pause } from './mortal.ts'

const POLL_MS = 60
const STEP_MS_MAX = 90_000
const HELP_AFTER_MS = 15_000
const HELP_SECONDS = 2_000 // past the fourth look at a supplier that said nothing

/**
 * The story: an endpoint, two orders (one of them partial from the supplier), the clock moved, the
 * day closed, its invoice read, everything drained, and every order asked for again. It goes on
 * through any fault that heals; it throws when something does not come in time.
 *
 * Where faults come again and again, a supplier may be out of reach three times in a row, and is then
 * asked again after five minutes only: with `clockHelps` the merchant moves its clock past that.
 */
export async function tellStory(
  stage: Stage,
  merchant: Merchant,
  options: { clockHelps?: boolean } = {},
): Promise<Told> {
  const { client, customerId, webhookSecret } = merchant
  must(
    await client.insist({
      name: 'create the endpoint',
      method: 'POST',
      path: '/v2/webhooks',
      key: `webhook-${randomUUID()}`,
      body: {
        url: `${stage.receiverUrl}${merchant.webhookPath}`,
        events: ['*', 'codes.available', 'invoice.finalized'],
        secret: webhookSecret,
      },
    }),
    201,
  )
  const order = async (name: string, items: { sku: string; quantity: number }[]) => {
    const key = `${name} ${randomUUID()}`
    const body = { customer_id: customerId, items, metadata: { story: name } }
    const tried = await client.insist({ name, method: 'POST', path: '/v2/transactions', key, body })
    return { name, key, body, id: textOf(must(tried, 201), 'id') }
  }
  const pooled = await order('order A', [{ sku: merchant.pooledSku, quantity: 2 }])
  const partial = await order('order B', [
    { sku: merchant.partialSku, quantity: 3 },
    { sku: merchant.pooledSku, quantity: 1 },
  ])
  await codesUntil(client, pooled.id, (codes) => codes['final'] === true)
  const isPartial = (codes: Record<string, unknown>) => Number(codes['delivered']) >= 3
  const isFinal = (codes: Record<string, unknown>) => codes['final'] === true
  // A supplier whose replies are lost is asked again, or left alone by its breaker, for minutes.
  const help = options.clockHelps === true ? () => advance(stage, merchant, HELP_SECONDS) : null
  await codesUntil(client, partial.id, isPartial, help)
  await advance(stage, merchant, 15)
  await codesUntil(client, partial.id, isFinal, help)
  await advance(stage, merchant, 30 * 3_600)
  await drained(stage)

  const orders = [pooled, partial]
  await readInvoices(client)
  for (const { name, id, key, body } of orders) {
    const path = '/v2/transactions'
    must(await client.insist({ name: `${name} again`, method: 'POST', path, key, body }), 201)
    const other = { ...body, metadata: { story: 'another' } }
    const reuse = { name: `${name} reused`, method: 'POST' as const, path, key, body: other }
    must(await client.insist(reuse), 422)
    await client.insist({ name: `read ${name}`, path: `/v2/transactions/${id}` })
    await codesUntil(client, id, (codes) => codes['final'] === true)
  }
  return { ...merchant, orders }
}

/** Everything that the story left to do is done; throws with what is left when it takes too long. */
export async function drained(stage: Pick<Stage, 'database'>): Promise<void> {
  const left = await repeatUntil(
    () => checkDrained(stage.database.db),
    (violations) => violations.length === 0,
  )
  if (left.length > 0) throw new Error(`I27: not drained: ${JSON.stringify(left)}`)
}

/** Moves the test clock and waits until it is ready. */
async function advance(stage: Stage, { client, accountId }: Merchant, seconds: number) {
  const to = await businessInstant(stage, accountId, seconds)
  must(
    await client.insist({
      name: `advance by ${seconds} s`,
      method: 'POST',
      path: '/v2/test_clock',
      key: `clock-${randomUUID()}`,
      body: { to },
    }),
    201,
  )
  const clock = await repeatUntil(
    () => client.insist({ name: 'read the clock', path: '/v2/test_clock' }),
    ({ body }) => fieldsOf(body)['status'] === 'ready',
  )
  if (fieldsOf(clock.body)['status'] !== 'ready') {
    throw new Error(`I27: the test clock stands: ${JSON.stringify(clock.body)}`)
  }
}

async function codesUntil(
  client: HistoryClient,
  id: string,
  isDone: (codes: Record<string, unknown>) => boolean,
  help: (() => Promise<void>) | null = null,
): Promise<void> {
  const read = { name: `codes of ${id}`, path: `/v2/transactions/${id}/codes` }
  let helpAt = Date.now() + HELP_AFTER_MS
  const last = await repeatUntil(
    async () => {
      if (help !== null && Date.now() > helpAt) {
        await help()
        helpAt = Date.now() + HELP_AFTER_MS
      }
      return fieldsOf((await client.insist(read)).body)
    },
    (codes) => isDone(codes),
  )
  if (!isDone(last)) throw new Error(`I27: codes of ${id}: ${JSON.stringify(last)}`)
}

async function readInvoices(client: HistoryClient): Promise<void> {
  const list = await client.insist({ name: 'list invoices', path: '/v2/invoices' })
  for (const one of listOf(fieldsOf(list.body)['data'])) {
    const id = textOf(fieldsOf(one), 'id')
    await client.insist({ name: `read ${id}`, path: `/v2/invoices/${id}` })
  }
}

/** Reads until it is as wished or the time is over; answers the last reading. */
async function repeatUntil<T>(read: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  const until = Date.now() + STEP_MS_MAX
  for (;;) {
    const value = await attempt(read)
    if ('value' in value && isDone(value.value)) return value.value
    if (Date.now() > until) {
      if ('value' in value) return value.value
      throw value.error
    }
    await pause(POLL_MS)
  }
}

async function attempt<T>(read: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await read() }
  } catch (error) {
    return { error } // the database may be down just now; asked again
  }
}

async function businessInstant(stage: Stage, accountId: string, seconds: number): Promise<string> {
  const rows = await repeatUntil(
    async () => {
      const { db } = stage.database
      return (
        await sql<{ at: Date }>`
          select business_now(${accountId}) + ${seconds} * interval '1 second' as at`.execute(db)
      ).rows
    },
    (found) => found.length === 1,
  )
  const at = rows[0]?.at
  if (at === undefined) throw new Error('PostgreSQL answered no time')
  return at.toISOString()
}

function must({ status, body }: Try, wanted: number): Record<string, unknown> {
  if (status !== wanted) {
    throw new Error(`wanted ${wanted}, got ${status}: ${JSON.stringify(body)?.slice(0, 500)}`)
  }
  return fieldsOf(body)
}
