import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../cli/ports.ts'
import { inTransaction } from '../db/client.ts'
import { emitEvent } from '../db/events.ts'
import type { EventType } from '../domain/event-type.ts'
import { newId } from '../new-id.ts'
import { createAccount, createWebhook } from '../test/webhooks/world.ts'
import { NoFigure, perUnit, type Figure } from './figure.ts'
import type { Program } from './program.ts'
import { readProcessorTime, type Watched } from './processes.ts'
import type { Stage } from './servers.ts'
import { compare, type Side } from './windows.ts'

/** Webhooks, signed, sent and recorded through Temporal, against `fetch` in a loop. */

const DELIVERIES_PER_SECOND_OF_WINDOW = 60 // so that a batch takes about as long as a window
const FAILING_EVERY = 20 // 5 %
const HANGING = 16 // as many as the endpoint may have in flight: all of its places
const LANES = 32
const POLL_MS = 10
const BODY = { object: 'product', name: 'Gift card', price: 25, currency: 'USD' }

export const deliveriesPerSecond: Figure = {
  id: 'D1',
  title: 'webhook deliveries, signed and recorded, 5 % failing, one endpoint hanging',
  against: 'fetch in a loop, 32 at a time, without records',
  unit: 'per second',
  gate: 'report, then ≥ 1',
  async run(stage, size) {
    const port = String(await freePort())
    await stage.start('sandbox/receiver.ts', {
      settings: { SANDBOX_RECEIVER_PORT: port, SANDBOX_RECEIVER_DATA: '' },
    })
    const url = `http://127.0.0.1:${port}`
    const worker = await stage.start('worker.ts')
    const settings = { TARGET: url, LANES: String(LANES) }
    const bare = await stage.start('bench/bare/fetch-loop.ts', { settings })
    const watch = (program: Program): Watched => ({ sender: () => [program.pid], ...stage.watched })
    for (const path of ['/ours/fails', '/bare/fails']) await answer(url, path, { status: 500 })
    await answer(url, '/ours/hangs', { instead: 'hang' })
    return compare(
      await batchOfDeliveries(stage, url, worker, watch(worker)),
      batchOfFetches(bare.url, watch(bare)),
      size,
      stage,
    )
  },
}

/** The events happen while the worker is frozen; measured is what it does once it thaws. */
async function batchOfDeliveries(
  stage: Stage,
  url: string,
  worker: Program,
  watched: Watched,
): Promise<Side> {
  const { database } = stage
  const accountId = await createAccount(database.db, 'live')
  const subscribe = (path: string, type: EventType) =>
    createWebhook(stage, accountId, { url: `${url}${path}`, events: [type], inFlightMax: 100 })
  const well = await subscribe('/ours/well', 'product.created')
  const fails = await subscribe('/ours/fails', 'product.updated')
  await createWebhook(stage, accountId, {
    url: `${url}/ours/hangs`,
    events: ['product.deleted'],
    inFlightMax: HANGING,
  })
  const happen = async (type: EventType) => {
    const objectId = newId('product')
    const object = { ...BODY, id: objectId }
    const event = { accountId, type, objectId, sequence: 1, customerId: null, facts: { object } }
    await inTransaction(database.db, (tx) => emitEvent(tx, event))
  }
  return {
    async measure(seconds) {
      const count = seconds * DELIVERIES_PER_SECOND_OF_WINDOW
      process.kill(worker.pid, 'SIGSTOP')
      for (let n = 0; n < HANGING; n++) await happen('product.deleted')
      for (let n = 0; n < count; n++) {
        await happen(n % FAILING_EVERY === 0 ? 'product.updated' : 'product.created')
      }
      const time = readProcessorTime(watched)
      const startedAt = performance.now()
      process.kill(worker.pid, 'SIGCONT')
      while ((await countUntold(stage, [well, fails])) > 0) await delay(POLL_MS)
      const taken = (performance.now() - startedAt) / 1_000
      const wrong = await countWrong(stage, well, fails)
      if (wrong > 0) throw new NoFigure(`${wrong} deliveries were not as the endpoints answered`)
      return { value: count / taken, cpuMicros: perUnit(time.since(), count) }
    },
  }
}

function batchOfFetches(url: string, watched: Watched): Side {
  return {
    async measure(seconds) {
      const count = seconds * DELIVERIES_PER_SECOND_OF_WINDOW * 10 // it is that much faster
      const time = readProcessorTime(watched)
      const startedAt = performance.now()
      const answered = await fetch(`${url}/run?count=${count}`, { method: 'POST' })
      const seen = await answered.text()
      const taken = (performance.now() - startedAt) / 1_000
      const failing = Math.ceil(count / FAILING_EVERY)
      const right = JSON.stringify({ 200: count - failing, 500: failing })
      if (seen !== right) throw new NoFigure(`the loop saw ${seen}, not ${right}`)
      return { value: count / taken, cpuMicros: perUnit(time.since(), count) }
    },
  }
}

async function answer(url: string, path: string, told: object): Promise<void> {
  const body = JSON.stringify({ answers: [told] })
  const { status } = await fetch(`${url}/scripts?path=${path}`, { method: 'PUT', body })
  if (status !== 200) throw new Error(`the receiver took no script: ${status}`)
}

/** Deliveries whose first attempt has no outcome yet. */
async function countUntold({ database }: Stage, webhookIds: string[]): Promise<number> {
  const { untold } = await database.db
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<bigint>().as('untold'))
    .where('webhook_id', 'in', webhookIds)
    .where('state', '=', 'pending')
    .where((eb) => eb.or([eb('attempt_count', '=', 0), eb('sending_since', 'is not', null)]))
    .executeTakeFirstOrThrow()
  return Number(untold)
}

/** What is not delivered at the first attempt, or counted as more than one failure. */
async function countWrong({ database }: Stage, well: string, fails: string): Promise<number> {
  const { wrong } = await database.db
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<bigint>().as('wrong'))
    .where((eb) =>
      eb.or([
        eb.and([
          eb('webhook_id', '=', well),
          eb.or([eb('state', '!=', 'delivered'), eb('attempt_count', '!=', 1)]),
        ]),
        eb.and([eb('webhook_id', '=', fails), eb('state', '!=', 'pending')]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return Number(wrong)
}
