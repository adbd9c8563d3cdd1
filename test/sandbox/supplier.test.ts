import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSupplierProcess, type SupplierProcess } from './supplier-process.ts'

let supplier: SupplierProcess
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bark-supplier-'))
  supplier = await startSupplierProcess()
})
afterAll(async () => {
  await supplier.kill('SIGTERM')
  await rm(folder, { recursive: true })
})

const NOON = Date.parse('2026-11-22T12:00:00Z')
/** An instant of business time, so many seconds after noon. */
const at = (seconds: number) => new Date(NOON + seconds * 1000).toISOString()

type Item = { reference: string; state: string; code?: string; retry_after_seconds?: number }

async function order(items: unknown, seconds = 0, of = supplier): Promise<Item[]> {
  const response = await fetch(`${of.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-sandbox-time': at(seconds) },
    body: JSON.stringify({ items }),
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { items: Item[] }).items
}

async function status(references: string[], seconds = 0, of = supplier): Promise<Item[]> {
  const query = references.map((reference) => `reference=${reference}`).join('&')
  const response = await fetch(`${of.url}/orders?${query}`, {
    headers: { 'x-sandbox-time': at(seconds) },
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { items: Item[] }).items
}

const itemsOf = (sku: string, count: number, name = sku.toLowerCase()) =>
  Array.from({ length: count }, (_, index) => ({ reference: `${name}.${index}-1`, sku }))

test('sells at once, repeats its answer and never sells a reference twice', async () => {
  const items = itemsOf('TEST-INSTANT', 3)
  const first = await order(items)
  expect(first.map((item) => item.state)).toEqual(['delivered', 'delivered', 'delivered'])
  expect(first[0]?.code).toMatch(/^[A-Z2-9]{4}(-[A-Z2-9]{4}){3}$/)
  expect(new Set(first.map((item) => item.code)).size).toBe(3)
  expect(await order(items)).toEqual(first)
  expect(await status(items.map((item) => item.reference))).toEqual(first)
  const sold = (await supplier.ledger()).filter((sale) => sale.sku === 'TEST-INSTANT')
  expect(sold.map((sale) => sale.code)).toEqual(first.map((item) => item.code))
})

test('refuses a reference that was used for another sku, and places nothing of that order', async () => {
  await order([{ reference: 'reused-1', sku: 'TEST-INSTANT' }])
  const response = await fetch(`${supplier.url}/orders`, {
    method: 'POST',
    body: JSON.stringify({
      items: [
        { reference: 'innocent-1', sku: 'TEST-INSTANT' },
        { reference: 'reused-1', sku: 'TEST-DELAYED' },
      ],
    }),
  })
  expect(response.status).toBe(409)
  expect(await status(['innocent-1'])).toEqual([{ reference: 'innocent-1', state: 'not_found' }])
})

test('TEST-PARTIAL: half at once, rounded up, the rest ten seconds later', async () => {
  const items = itemsOf('TEST-PARTIAL', 5)
  const first = await order(items)
  expect(first.map((item) => item.state)).toEqual([
    'delivered',
    'delivered',
    'delivered',
    'processing',
    'processing',
  ])
  expect(first[4]?.retry_after_seconds).toBe(10)
  const late = items.slice(3).map((item) => item.reference)
  expect((await status(late, 9.5)).map((item) => item.state)).toEqual(['processing', 'processing'])
  expect((await status(late, 10)).map((item) => item.state)).toEqual(['delivered', 'delivered'])
})

test('TEST-DELAYED: all ten seconds later, by the clock of the asking account', async () => {
  const [item] = await order(itemsOf('TEST-DELAYED', 1), 500)
  expect(item).toMatchObject({ state: 'processing', retry_after_seconds: 10 })
  expect(await status(['test-delayed.0-1'], 509)).toMatchObject([{ state: 'processing' }])
  const [delivered] = await status(['test-delayed.0-1'], 510)
  expect(delivered).toMatchObject({ state: 'delivered', pin: expect.stringMatching(/^\d{4}$/) })
})

test('TEST-OUT-OF-STOCK and unknown SKUs: none, ever', async () => {
  const items = [...itemsOf('TEST-OUT-OF-STOCK', 1), ...itemsOf('GAME-CARD', 1)]
  expect((await order(items)).map((item) => item.state)).toEqual(['none', 'none'])
  const references = items.map((item) => item.reference)
  expect((await status(references, 1e6)).map((item) => item.state)).toEqual(['none', 'none'])
})

test('TEST-LATE-STOCK: none for sixty seconds from the first try for the unit, then all', async () => {
  const tryNumber = (n: number) => [{ reference: `late-unit-${n}`, sku: 'TEST-LATE-STOCK' }]
  expect(await order(tryNumber(1), 0)).toMatchObject([{ state: 'none' }])
  expect(await order(tryNumber(2), 59)).toMatchObject([{ state: 'none' }])
  expect(await order(tryNumber(3), 60)).toMatchObject([{ state: 'delivered' }])
  expect(await order(tryNumber(1), 60)).toMatchObject([{ state: 'none' }])
})

test('TEST-PROCESSING: says processing five times, then delivers', async () => {
  const answers = [await order(itemsOf('TEST-PROCESSING', 1))]
  for (let n = 0; n < 5; n++) answers.push(await status(['test-processing.0-1']))
  expect(answers.map(([item]) => item?.state)).toEqual([
    ...Array.from({ length: 5 }, () => 'processing'),
    'delivered',
  ])
})

test('TEST-TIMEOUT-THEN-OK: sold, and the reply is lost the first time only', async () => {
  const items = itemsOf('TEST-TIMEOUT-THEN-OK', 2)
  await expect(order(items)).rejects.toThrow('fetch failed')
  const sold = (await supplier.ledger()).filter((sale) => sale.sku === 'TEST-TIMEOUT-THEN-OK')
  expect(sold).toHaveLength(2)
  expect((await order(items)).map((item) => item.code)).toEqual(sold.map((sale) => sale.code))
})

test('TEST-TIMEOUT-THEN-NONE: not sold, and the reply is lost the first time only', async () => {
  const items = itemsOf('TEST-TIMEOUT-THEN-NONE', 1)
  await expect(order(items)).rejects.toThrow('fetch failed')
  expect(await status(['test-timeout-then-none.0-1'])).toMatchObject([{ state: 'not_found' }])
  expect(await order(items)).toMatchObject([{ state: 'none' }])
  const sold = (await supplier.ledger()).filter((sale) => sale.sku === 'TEST-TIMEOUT-THEN-NONE')
  expect(sold).toEqual([])
})

test('TEST-DUPLICATE: every second code was sold before', async () => {
  const codes = (await order(itemsOf('TEST-DUPLICATE', 4))).map((item) => item.code)
  expect(codes[1]).toBe(codes[0])
  expect(codes[3]).toBe(codes[2])
  expect(codes[2]).not.toBe(codes[0])
})

test('TEST-SURPLUS: two codes for one reference, both in the ledger', async () => {
  const items = await order(itemsOf('TEST-SURPLUS', 1))
  expect(items.map((item) => [item.reference, item.state])).toEqual([
    ['test-surplus.0-1', 'delivered'],
    ['test-surplus.0-1', 'delivered'],
  ])
  expect((await supplier.ledger()).filter((sale) => sale.sku === 'TEST-SURPLUS')).toHaveLength(2)
})

test.each([
  ['no JSON', '{', 400],
  ['no items', '{}', 400],
  ['an empty list', '{"items":[]}', 400],
  ['an item without a sku', '{"items":[{"reference":"a-1"}]}', 400],
  ['a reference with a space', '{"items":[{"reference":"a 1","sku":"X"}]}', 400],
  ['a reference twice', '{"items":[{"reference":"a","sku":"X"},{"reference":"a","sku":"X"}]}', 400],
  ['too many items', JSON.stringify({ items: itemsOf('X', 1_001) }), 400],
  ['too large a body', JSON.stringify({ items: 'x'.repeat(600_000) }), 413],
])('refuses %s', async (_, body, expected) => {
  const response = await fetch(`${supplier.url}/orders`, { method: 'POST', body })
  expect(response.status).toBe(expected)
})

test('refuses a business time that is no instant', async () => {
  const response = await fetch(`${supplier.url}/orders?reference=a`, {
    headers: { 'x-sandbox-time': 'noon' },
  })
  expect(response.status).toBe(400)
})

test('remembers over kill -9 what it answered, and drops a line that was cut short', async () => {
  const data = join(folder, 'supplier.jsonl')
  const before = await startSupplierProcess(data)
  const items = [...itemsOf('TEST-INSTANT', 2), ...itemsOf('TEST-DELAYED', 1)]
  const first = await order(items, 0, before)
  const ledger = await before.ledger()
  expect(ledger).toHaveLength(3)
  await before.kill('SIGKILL')
  await appendFile(data, '{"order":{"reference":"half')

  const after = await startSupplierProcess(data)
  expect(await after.ledger()).toEqual(ledger)
  expect(await order(items, 0, after)).toEqual(first)
  expect(await status(['half'], 0, after)).toMatchObject([{ state: 'not_found' }])
  await order([{ reference: 'more-1', sku: 'TEST-INSTANT' }], 0, after)
  expect(await after.kill('SIGTERM')).toBe(0)
  const lines = (await readFile(data, 'utf8')).trimEnd().split('\n')
  expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => 'object'))
  expect(lines).toHaveLength(4)
})
