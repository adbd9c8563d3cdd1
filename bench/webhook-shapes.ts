import { freePort } from '../cli/ports.ts'
import { createAccount, createWebhook, happen } from '../test/webhooks/world.ts'
import { NoFigure, numberIn, perUnit, type Size } from './figure.ts'
import { readProcessorTime } from './processes.ts'
import type { Stage } from './servers.ts'
import { medians, spread, type Spread } from './windows.ts'

/** What a delivery that succeeds at once costs in each of three shapes, in alternating windows. */

export const SHAPES = ['loop', 'retries', 'direct'] as const

export type ShapeCost = {
  shape: (typeof SHAPES)[number]
  perSecond: Spread
  /** By process, of one delivery. */
  cpuMicros: Record<string, number>
  /** Of one delivery. */
  events: number
}

const DELIVERIES_PER_SECOND_OF_WINDOW = 40

/** Throws when a delivery has not ended as delivered at its first attempt. */
export async function measureShapes(stage: Stage, size: Size): Promise<ShapeCost[]> {
  const { database } = stage
  const port = String(await freePort())
  await stage.start('sandbox/receiver.ts', {
    settings: { SANDBOX_RECEIVER_PORT: port, SANDBOX_RECEIVER_DATA: '' },
  })
  const worker = await stage.start('bench/shapes/worker.ts')
  const accountId = await createAccount(database.db, 'live')
  const webhook = { url: `http://127.0.0.1:${port}/well`, inFlightMax: 100 }
  await createWebhook(stage, accountId, webhook)

  const measure = async (shape: string) => {
    const count = Math.ceil(size.seconds * DELIVERIES_PER_SECOND_OF_WINDOW)
    for (let n = 0; n < count; n++) await happen(database.db, accountId)
    const ids = await takePending(stage, accountId)
    if (ids.length !== count) throw new NoFigure(`${ids.length} deliveries of ${count} events`)
    const time = readProcessorTime({ worker: () => [worker.pid], ...stage.watched })
    const startedAt = performance.now()
    const answer = await fetch(`${worker.url}/run?shape=${shape}`, {
      method: 'POST',
      body: JSON.stringify(ids.map((deliveryId) => ({ accountId, deliveryId }))),
    })
    const seconds = (performance.now() - startedAt) / 1_000
    if (answer.status !== 200) throw new NoFigure(await answer.text())
    const events = numberIn(await answer.json(), 'events') / count
    const wrong = await countWrong(stage, accountId)
    if (wrong > 0) throw new NoFigure(`${wrong} deliveries did not end at their first attempt`)
    return { perSecond: count / seconds, cpuMicros: perUnit(time.since(), count), events }
  }

  const windows: (Awaited<ReturnType<typeof measure>> & { shape: string })[] = []
  for (let round = 0; round <= size.pairs; round++) {
    for (const shape of SHAPES) {
      const window = { shape, ...(await measure(shape)) }
      if (round > 0) windows.push(window) // the first is thrown away: nothing is compiled yet
    }
  }
  return SHAPES.map((shape) => {
    const own = windows.filter((window) => window.shape === shape)
    return {
      shape,
      perSecond: spread(own.map(({ perSecond }) => perSecond)),
      cpuMicros: medians(own.map(({ cpuMicros }) => cpuMicros)),
      events: spread(own.map(({ events }) => events)).median,
    }
  })
}

/** The deliveries that nobody has begun with; their commands are ours now. */
async function takePending({ database }: Stage, accountId: string): Promise<string[]> {
  const { db } = database
  await db.deleteFrom('outbox').where('account_id', '=', accountId).execute()
  const rows = await db
    .selectFrom('deliveries')
    .select('id')
    .where('account_id', '=', accountId)
    .where('state', '=', 'pending')
    .execute()
  return rows.map(({ id }) => id)
}

async function countWrong({ database }: Stage, accountId: string): Promise<number> {
  const { wrong } = await database.db
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<bigint>().as('wrong'))
    .where('account_id', '=', accountId)
    .where((eb) => eb.or([eb('state', '!=', 'delivered'), eb('attempt_count', '!=', 1)]))
    .executeTakeFirstOrThrow()
  return Number(wrong)
}
