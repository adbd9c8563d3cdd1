import type { Figure } from './figure.ts'
import { inParallel, openLoad, throughput, type Target } from './load.ts'
import type { Servers } from './servers.ts'
import { openBenchShop } from './shop.ts'
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
  run: (servers, size) => compareReads(servers, size, 200),
}

export const unchangedPolls: Figure = {
  id: 'C2',
  title: 'unchanged polls answered 304, 64 connections',
  against: 'Hono and one named SELECT',
  unit: 'per second',
  gate: '≥ 2, then ≥ 3',
  run: (servers, size) => compareReads(servers, size, 304),
}

async function compareReads(
  servers: Servers,
  size: { pairs: number; seconds: number },
  status: 200 | 304,
) {
  const { database, config, watched } = servers
  const shop = await openBenchShop(database, config)
  await shop.stock(ORDERS)
  const api = await servers.start('server.ts')
  const worker = await servers.start('worker.ts')
  const bare = await servers.start('bench/bare/select.ts')
  try {
    const authorization = `Bearer ${shop.key}`
    const orders: { id: string; etag: string }[] = []
    await inParallel(ORDERS, DELIVERIES_IN_FLIGHT, async (n) => {
      orders.push(await deliver(api.url, authorization, shop.orderBody(n)))
    })
    const of = (n: number) => orders[n % ORDERS] ?? { id: '', etag: '' }
    await worker.stop()
    const ours: Target = {
      url: api.url,
      status,
      next: (n) => ({
        method: 'GET',
        path: `/v2/orders/${of(n).id}/codes`,
        headers: { authorization, ...(status === 304 ? { 'if-none-match': of(n).etag } : {}) },
      }),
    }
    const theirs: Target = {
      url: bare.url,
      status: 200,
      next: (n) => ({ method: 'GET', path: `/orders/${of(n).id.replace('ord_', 'txn_')}/codes` }),
    }
    const loads = [openLoad(ours), openLoad(theirs)] as const
    const { postgres } = watched
    const result = await compare(
      throughput(loads[0], { program: () => [api.pid], postgres }),
      throughput(loads[1], { program: () => [bare.pid], postgres }),
      size,
    )
    await Promise.all(loads.map((load) => load.close()))
    return result
  } finally {
    await api.stop()
    await worker.stop()
    await bare.stop()
  }
}

/** Orders, and waits until every code is there. */
async function deliver(
  apiUrl: string,
  authorization: string,
  body: string,
): Promise<{ id: string; etag: string }> {
  const headers = { authorization, 'content-type': 'application/json' }
  const order = await fetch(`${apiUrl}/v2/orders`, { method: 'POST', headers, body })
  const answer: unknown = await order.json()
  const id = order.status === 201 ? textOf(answer, 'id') : ''
  if (id === '') throw new Error(`order: ${order.status} ${JSON.stringify(answer)}`)
  for (;;) {
    const codes = await fetch(`${apiUrl}/v2/orders/${id}/codes`, {
      headers: { authorization, prefer: 'wait=20' },
    })
    const list: unknown = await codes.json()
    if (codes.status !== 200) throw new Error(`codes: ${codes.status} ${JSON.stringify(list)}`)
    if (textOf(list, 'status') === 'complete') return { id, etag: codes.headers.get('etag') ?? '' }
  }
}

function textOf(body: unknown, name: string): string {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : ''
  return typeof value === 'string' ? value : ''
}
