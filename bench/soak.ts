import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../cli/ports.ts'
import { createWebhook } from '../test/webhooks/world.ts'
import { untilDelivered } from './get-codes.ts'
import { memoryMib } from './processes.ts'
import type { Stage } from './servers.ts'
import { order } from './shop.ts'

/** Orders, codes, polls and webhooks at a modest rate for long: does anything only grow? */

export type SoakSample = {
  minute: number
  apiMib: number
  workerMib: number
  /** Rows of the tables that should not grow with what was done. */
  rows: Record<string, number>
}

export type Soak = {
  minutes: number
  ordersPerSecond: number
  orders: number
  samples: SoakSample[]
  /** Of the memory over the second half, by least squares. */
  apiMibPerHour: number
  workerMibPerHour: number
}

const ORDERS_PER_SECOND = 4
const POLLS = 5 // of each order, unchanged
const SAMPLE_SECONDS = 15
const STOCK_ORDERS = ORDERS_PER_SECOND * SAMPLE_SECONDS
const BOUNDED = ['outbox', 'waits', 'rate_limits', 'plan_windows'] as const

/** Throws when an order does not get its codes or a poll is not answered 304. */
export async function measureSoak(stage: Stage, minutes: number): Promise<Soak> {
  const { shop } = stage
  const port = String(await freePort())
  await stage.start('sandbox/receiver.ts', {
    settings: { SANDBOX_RECEIVER_PORT: port, SANDBOX_RECEIVER_DATA: '' },
  })
  await createWebhook(stage, shop.accountId, { url: `http://127.0.0.1:${port}/soak` })
  const api = await stage.start('server.ts')
  // With the sweeper, which deletes what is over.
  const worker = await stage.start('worker.ts', { settings: { TEMPORAL_SCHEDULES: 'true' } })
  const startedAt = performance.now()
  const secondsSince = () => (performance.now() - startedAt) / 1_000
  const samples: SoakSample[] = []
  const sample = async (): Promise<void> => {
    samples.push({
      minute: secondsSince() / 60,
      apiMib: memoryMib(api.pid, 'now'),
      workerMib: memoryMib(worker.pid, 'now'),
      rows: await countRows(stage),
    })
  }

  const failures: unknown[] = []
  const running = new Set<Promise<void>>()
  let orders = 0
  while (secondsSince() < minutes * 60) {
    if (failures.length > 0) break
    if (orders % STOCK_ORDERS === 0) {
      await shop.stock(STOCK_ORDERS)
      await sample()
    }
    const one = orderAndPoll(stage, api.url, orders++)
      .catch((error: unknown) => {
        failures.push(error)
      })
      .finally(() => running.delete(one))
    running.add(one)
    await delay(Math.max(0, (orders / ORDERS_PER_SECOND - secondsSince()) * 1_000))
  }
  await Promise.all(running)
  if (failures.length > 0) throw new Error('the soak ended', { cause: failures[0] })
  await sample()
  return {
    minutes,
    ordersPerSecond: ORDERS_PER_SECOND,
    orders,
    samples,
    apiMibPerHour: slopePerHour(samples, ({ apiMib }) => apiMib),
    workerMibPerHour: slopePerHour(samples, ({ workerMib }) => workerMib),
  }
}

async function orderAndPoll({ shop }: Stage, url: string, n: number): Promise<void> {
  const { orderId } = await order(url, shop.key, shop.orderBody(n))
  const { etag } = await untilDelivered(url, shop.key, orderId)
  for (let poll = 0; poll < POLLS; poll++) {
    const answer = await fetch(`${url}/v2/orders/${orderId}/codes`, {
      headers: { authorization: `Bearer ${shop.key}`, 'if-none-match': etag },
    })
    if (answer.status !== 304) throw new Error(`poll: ${answer.status} ${await answer.text()}`)
  }
}

async function countRows({ database }: Stage): Promise<Record<string, number>> {
  const counts = BOUNDED.map((table) => `(select count(*)::integer from ${table}) as ${table}`)
  const { rows } = await database.pool.query<Record<string, number>>(`select ${counts.join(', ')}`)
  return rows[0] ?? {}
}

function slopePerHour(samples: SoakSample[], valueOf: (sample: SoakSample) => number): number {
  const half = samples.slice(Math.floor(samples.length / 2))
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const minute = mean(half.map((each) => each.minute))
  const value = mean(half.map(valueOf))
  const covariance = mean(half.map((each) => (each.minute - minute) * (valueOf(each) - value)))
  return (60 * covariance) / mean(half.map((each) => (each.minute - minute) ** 2))
}
