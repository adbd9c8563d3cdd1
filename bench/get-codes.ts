import { z } from 'zod'
import type { Figure, Size } from './figure.ts'
import { inParallel, openLoad, throughput } from './load.ts'
import type { Stage } from './servers.ts'
import { fetchPatiently, order } from './shop.ts'
import { compare } from './windows.ts'

/** `GET /v2/orders/{id}/codes` with key, limiter and audit, against Hono with one named SELECT. */

const ORDERS = 200
const DELIVERIES_IN_FLIGHT = 16

export const codeReads: Figure = {
  id: 'C1',
  title: 'code lists read (5 codes, decrypted and audited), 64 connections',
  against: 'Hono and one named SELECT',
  unit: 'per second',
  gate: '≥ 0.7, then ≥ 1.2',
  run: (stage, size) => compareReads(stage, size, 200),
}

export const unchangedPolls: Figure = {
  id: 'C2',
  title: 'unchanged polls answered 304, 64 connections',
  against: 'Hono and one named SELECT',
  unit: 'per second',
  gate: '≥ 2, then ≥ 3',
  run: (stage, size) => compareReads(stage, size, 304),
}

async function compareReads(stage: Stage, size: Size, status: 200 | 304) {
  const { shop } = stage
  const { postgres } = stage.watched
  await shop.stock(ORDERS)
  const api = await stage.start('server.ts')
  const worker = await stage.start('worker.ts')
  const bare = await stage.start('bench/bare/select.ts')
  const authorization = `Bearer ${shop.key}`
  const orders: { id: string; etag: string }[] = []
  await inParallel(ORDERS, DELIVERIES_IN_FLIGHT, async (n) => {
    const { orderId } = await order(api.url, shop.key, shop.orderBody(n))
    orders.push(await untilDelivered(api.url, shop.key, orderId))
  })
  await worker.stop()
  const of = (n: number) => orders[n % ORDERS] ?? { id: '', etag: '' }
  const ours = openLoad({
    url: api.url,
    status,
    next: (n) => ({
      method: 'GET',
      path: `/v2/orders/${of(n).id}/codes`,
      headers: { authorization, ...(status === 304 ? { 'if-none-match': of(n).etag } : {}) },
    }),
  })
  const theirs = openLoad({
    url: bare.url,
    status: 200,
    next: (n) => ({ method: 'GET', path: `/orders/${of(n).id.replace('ord_', 'txn_')}/codes` }),
  })
  const result = await compare(
    throughput(ours, { program: () => [api.pid], postgres }),
    throughput(theirs, { program: () => [bare.pid], postgres }),
    size,
    stage,
  )
  await Promise.all([ours.close(), theirs.close()])
  return result
}

const list = z.object({ status: z.string() })

/** Waits until every code of an order is there. Throws on any other answer. */
export async function untilDelivered(
  apiUrl: string,
  key: string,
  orderId: string,
): Promise<{ id: string; etag: string }> {
  for (;;) {
    const codes = await fetchPatiently(`${apiUrl}/v2/orders/${orderId}/codes`, {
      headers: { authorization: `Bearer ${key}`, prefer: 'wait=20' },
    })
    if (codes.status !== 200) throw new Error(`codes: ${codes.status} ${await codes.text()}`)
    const { status } = list.parse(await codes.json())
    if (status === 'complete') return { id: orderId, etag: codes.headers.get('etag') ?? '' }
  }
}
