import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedSandbox, type Seeds } from '../../cli/seed.ts'
import { revokeApiKey } from '../../db/api-keys.ts'
import { fulfillTransaction } from '../../db/fulfillment.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'

type Order = { id: string; customer_id: string }
type Product = { sku: string; name: string; currency: string; price_minor: number }
type Customer = { id: string; company: string; time_zone: string; order_history: unknown }
type CodeList = { status: string; codes: { code: string }[] }

let api: ServedApi
let folder: string
let seeds: Seeds

beforeAll(async () => {
  api = await serveApi('seed')
  folder = mkdtempSync(join(tmpdir(), 'bark-seed-'))
  seeds = await seedSandbox(api.config, folder)
})
afterAll(async () => {
  await api.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function countRows(): Promise<Record<string, number>> {
  const tables = [
    'organizations',
    'accounts',
    'customers',
    'products',
    'variants',
    'codes',
    'supplier_skus',
    'api_keys',
    'events',
  ] as const
  const counted = tables.map(async (table) => {
    const row = await api.database.db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<bigint>().as('n'))
      .executeTakeFirstOrThrow()
    return [table, Number(row.n)] as const
  })
  return Object.fromEntries(await Promise.all(counted))
}

describe('the sandbox shop', () => {
  test('sells forty products in two currencies, with five hundred codes in the pool', async () => {
    const { body } = await api
      .client(seeds.keys.account)
      .get<{ data: Product[]; pagination: { total_items: number } }>('/v2/products?limit=200')
    expect(body.pagination.total_items).toBe(40)
    expect(new Set(body.data.map(({ currency }) => currency))).toEqual(new Set(['USD', 'EUR']))
    expect(new Set(body.data.map(({ name }) => name)).size).toBe(40)
    expect(await countRows()).toMatchObject({ codes: 500, products: 40, customers: 3 })
  })

  test('has three customers in three zones, the first with the printed customer key', async () => {
    const client = api.client(seeds.keys.account)
    const customers = await Promise.all(
      seeds.customerIds.map(async (id) => (await client.get<Customer>(`/v2/customers/${id}`)).body),
    )
    expect(customers.map(({ time_zone }) => time_zone)).toEqual([
      'America/New_York',
      'America/Santiago',
      'Europe/Athens',
    ])
    expect(customers[2]?.company).toMatch(/\p{Script=Greek}/u)
    const own = await api.client(seeds.keys.customer).get<{ data: Customer[] }>('/v2/customers')
    expect(own.body.data.map(({ id }) => id)).toEqual(seeds.customerIds.slice(0, 1))
  })

  test('hands out its codes to an order with the printed customer key', async () => {
    const client = api.client(seeds.keys.customer)
    const order = await client.post<Order>('/v2/transactions', {
      items: [
        { sku: 'LUMORA-20-USD', quantity: 2 },
        { sku: 'BRIGHTCART-15-USD', quantity: 1 },
        { sku: 'STARFOLD-PC-DELUXE', quantity: 1 },
      ],
      allow_backorder: false,
    })
    expect(order.status).toBe(201)
    expect(order.body.customer_id).toBe(seeds.customerIds[0])
    const key = { accountId: seeds.accountId, transactionId: order.body.id }
    await fulfillTransaction(api.database.pool, key)
    const codes = await client.get<CodeList>(`/v2/transactions/${order.body.id}/codes`)
    expect(codes.body.status).toBe('complete')
    for (const { code } of codes.body.codes)
      expect(code).toMatch(/^(?:[A-Z2-9]{4}-){3}[A-Z2-9]{4}$/)
  })

  test('buys from the sandbox supplier what that supplier has rules for', async () => {
    const rules = readFileSync(new URL('../../sandbox/supplier-rules.ts', import.meta.url), 'utf8')
    const rows = await api.database.db.selectFrom('supplier_skus').select('supplier_sku').execute()
    const known = new Set(rules.match(/(?<=')TEST-[A-Z-]+(?=')/g))
    // It has no rule for what it never has.
    expect(new Set(rows.map((row) => row.supplier_sku))).toEqual(known.add('TEST-OUT-OF-STOCK'))
  })

  test('has a live account beside it, with nothing in it', async () => {
    const rows = await api.database.db
      .selectFrom('accounts')
      .leftJoin('customers', 'customers.account_id', 'accounts.id')
      .select(['accounts.mode', ({ fn }) => fn.count('customers.id').as('customers')])
      .groupBy('accounts.mode')
      .orderBy('accounts.mode')
      .execute()
    expect(rows).toEqual([
      { mode: 'live', customers: 0n },
      { mode: 'test', customers: 3n },
    ])
  })
})

describe('seeding again', () => {
  test('changes nothing and answers the same', async () => {
    const before = await countRows()
    expect(await seedSandbox(api.config, folder)).toEqual(seeds)
    expect(await countRows()).toEqual(before)
  })

  test('keeps the keys for their owner only', () => {
    const file = join(folder, 'keys.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(seeds.keys)
  })

  test('makes one shop when two begin at once', async () => {
    const other = await serveApi('seed-twice')
    try {
      const both = await Promise.all([
        seedSandbox(other.config, mkdtempSync(join(folder, 'one-'))),
        seedSandbox(other.config, mkdtempSync(join(folder, 'two-'))),
      ])
      expect(both[0]?.accountId).toBe(both[1]?.accountId)
      const client = other.client(both[1]?.keys.account ?? '')
      const products = await client.get<{ pagination: { total_items: number } }>('/v2/products')
      expect(products.body.pagination.total_items).toBe(40)
    } finally {
      await other.stop()
    }
  })

  test('replaces a key that was lost or revoked, and not the other one', async () => {
    const elsewhere = mkdtempSync(join(folder, 'third-'))
    const first = await seedSandbox(api.config, elsewhere)
    expect(first.keys.account).not.toBe(seeds.keys.account)
    const row = await api.database.db
      .selectFrom('api_keys')
      .select('id')
      .where('last4', '=', first.keys.account.slice(-4))
      .executeTakeFirstOrThrow()
    await revokeApiKey(api.database.db, seeds.accountId, row.id)
    const second = await seedSandbox(api.config, elsewhere)
    expect(second.keys.account).not.toBe(first.keys.account)
    expect(second.keys.customer).toBe(first.keys.customer)
    expect((await api.client(second.keys.account).get('/v2/products')).status).toBe(200)
  })
})
