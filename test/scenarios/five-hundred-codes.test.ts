import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/**
 * A reseller orders 500 codes through HTTP: 300 are in the pool, 150 come from a supplier that drops
 * the connection after it has sold, 50 are nowhere until tonight. Only the test clock is moved.
 */

const POOLED = 300
const DROPPED = 150
const LATE = 50

let stack: Stack
let shop: OpenShop
beforeAll(async () => {
  stack = await startStack('five_hundred', { supplier: true })
  shop = await openShop(stack, { codes: POOLED })
})
afterAll(() => stack.stop())

type Unit = { unit_id: string; state: string; code: string | null }
type Codes = {
  status: string
  final: boolean
  requested: number
  delivered: number
  remaining: number
  codes: Unit[]
}

/** What the reseller has seen so far; every poll must show all of it again. */
const seen = new Map<string, string>()
let etag: string | null = null
let last: Codes | null = null

/** One poll, as a client of the API makes it. Answers the list as the client knows it now. */
async function poll(id: string): Promise<Codes> {
  const answer = await shop.client.get<Codes>(`/v2/transactions/${id}/codes`, {
    headers: etag === null ? {} : { 'If-None-Match': etag },
  })
  if (answer.status === 304 && last !== null) return last
  expect(answer.status).toBe(200)
  etag = answer.headers.get('etag')
  const codes = answer.body
  const shown = new Map(
    codes.codes.flatMap(({ unit_id, code }) => (code === null ? [] : [[unit_id, code] as const])),
  )
  for (const [unit, code] of seen) expect(shown.get(unit)).toBe(code)
  for (const [unit, code] of shown) seen.set(unit, code)
  expect(new Set(shown.values()).size).toBe(shown.size)
  expect(codes.delivered + codes.remaining).toBe(codes.requested)
  expect(shown.size).toBe(codes.delivered)
  last = codes
  return codes
}

test('the number grows, no code comes twice, and finance is billed for what was delivered', async () => {
  const { client } = shop
  const dropping = await shop.supplied('TEST-TIMEOUT-THEN-OK')
  const late = await shop.supplied('TEST-OUT-OF-STOCK')
  const id = await shop.order([
    { sku: shop.pooled.sku, quantity: POOLED },
    { sku: dropping.sku, quantity: DROPPED },
    { sku: late.sku, quantity: LATE },
  ])

  const first = await eventually(
    () => poll(id),
    (codes) => codes.delivered >= POOLED,
    60_000,
  )
  expect(first).toMatchObject({ requested: 500, final: false })

  // The lost replies: nothing is bought again; the supplier is asked by our references.
  let minutes = 0
  while ((last?.delivered ?? 0) < POOLED + DROPPED && minutes < 5) {
    await shop.advance('PT1M')
    minutes += 1
    await poll(id)
  }
  const bought = await poll(id)
  expect(bought).toMatchObject({ status: 'partial', delivered: 450, remaining: LATE })
  const ledger = await fetch(`${stack.config.supplier.sandboxUrl}/ledger`)
  const { sales } = (await ledger.json()) as { sales: { reference: string; code: string }[] }
  expect(sales).toHaveLength(DROPPED)
  const delivered = new Set(seen.values())
  expect(sales.filter(({ code }) => !delivered.has(code))).toEqual([])
  expect(shop.codes.filter((code) => !delivered.has(code))).toEqual([])

  // The day is closed: 450 are billed, the 50 that nobody has yet are not.
  const { body: days } = await client.get<{ data: { id: string }[] }>('/v2/purchase-orders')
  const path = `/v2/purchase-orders/${days.data[0]?.id ?? ''}`
  expect((await client.post(`${path}/close`)).status).toBe(201)
  await shop.advance('PT16M')
  const { body: invoices } = await client.get<{
    data: { total_minor: number; lines?: unknown[] }[]
  }>('/v2/invoices')
  expect(invoices.data.map(({ total_minor }) => total_minor)).toEqual([
    POOLED * 1000 + DROPPED * 2500,
  ])

  // Tonight: the missing ones are imported through the API, and the order is woken.
  const tonight = Array.from({ length: LATE }, (_, n) => `TONIGHT-${n}-${id.slice(-8)}`)
  const imported = await fetch(`${stack.apiUrl}/v2/products/${late.id}/codes/import`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${shop.account.key}`, 'Content-Type': 'text/csv' },
    body: `code\n${tonight.join('\n')}\n`,
  })
  expect(imported.status).toBe(201)
  expect(await imported.json()).toMatchObject({ imported: LATE, woken_orders: 1 })
  const whole = await eventually(
    () => poll(id),
    (codes) => codes.final,
    60_000,
  )
  expect(whole).toMatchObject({ status: 'complete', delivered: 500, remaining: 0 })
  expect(new Set(seen.values()).size).toBe(500)
  expect(tonight.every((code) => [...seen.values()].includes(code))).toBe(true)
}, 180_000)
