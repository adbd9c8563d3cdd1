import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  makeAccount,
  makeCustomer,
  makeKey,
  makeProduct,
  type TestAccount,
} from '../../factories.ts'
import type { TestClient } from '../client.ts'
import { openCountedApi, serveApi, type ServedApi } from '../serve.ts'

type List = {
  data: { id: string; sku: string; name: string; price_minor: number }[]
  pagination: Record<string, number | boolean | string | null>
}

let api: ServedApi
let account: TestAccount
let client: TestClient

beforeAll(async () => {
  api = await serveApi('gateway_pagination')
  account = await makeAccount(api.database)
  client = api.client(account.key)
  for (let n = 0; n < 25; n++) {
    // Five names and prices, so that every sort has ties that only the id decides.
    await makeProduct(api.database, account.accountId, {
      sku: `PAGE-${String(n).padStart(2, '0')}`,
      name: `Card ${n % 5}`,
      priceMinor: BigInt(1000 + (n % 5)),
    })
  }
})
afterAll(() => api.stop())

function nextCursor({ pagination }: List): string | null {
  const cursor = pagination['next_cursor']
  return typeof cursor === 'string' ? cursor : null
}

/** Follows the cursors to the end; `between` runs after each page. */
async function walk(query: string, between: () => Promise<unknown> = async () => undefined) {
  const seen: List['data'] = []
  let cursor: string | null = ''
  for (let pages = 0; cursor !== null; pages++) {
    if (pages > 100) throw new Error('the walk does not end')
    const { body } = await client.get<List>(`/v2/products?cursor=${cursor}&${query}`)
    seen.push(...body.data)
    expect(body.pagination['has_more']).toBe(body.pagination['next_cursor'] !== null)
    cursor = nextCursor(body)
    await between()
  }
  return seen
}

test('a numbered page says where it stands', async () => {
  const { body } = await client.get<List>('/v2/products?page=2&limit=10')
  expect(body.data).toHaveLength(10)
  expect(body.pagination).toEqual({
    page: 2,
    limit: 10,
    total_pages: 3,
    total_items: 25,
    total_exact: true,
    has_next: true,
    has_previous: true,
  })
  const last = await client.get<List>('/v2/products?page=3&limit=10')
  expect(last.body.pagination).toMatchObject({ has_next: false, has_previous: true })
  expect(last.body.data).toHaveLength(5)
})

test('the default is fifty on the first page, and a page past the end is empty', async () => {
  const first = await client.get<List>('/v2/products')
  expect(first.body.pagination).toMatchObject({ page: 1, limit: 50, has_previous: false })
  const beyond = await client.get<List>('/v2/products?page=9&limit=10')
  expect(beyond.body.data).toEqual([])
  expect(beyond.body.pagination).toMatchObject({ has_next: false, total_items: 25 })
})

test.each(['created_at', 'updated_at', 'name', 'price'])(
  'pages and walks by %s visit each row once, in the same order, both ways',
  async (sort) => {
    for (const order of ['asc', 'desc']) {
      const query = `sort=${sort}&order=${order}&limit=7`
      const walked = (await walk(query)).map(({ id }) => id)
      const paged: string[] = []
      for (const page of [1, 2, 3, 4]) {
        const { body } = await client.get<List>(`/v2/products?page=${page}&${query}`)
        paged.push(...body.data.map(({ id }) => id))
      }
      expect(walked).toEqual(paged)
      expect(new Set(walked).size).toBe(25)
    }
  },
)

test('the order is that of the values, and then of the ids, without the help of an index', async () => {
  const { rows: databases } = await api.database.pool.query<{ name: string }>(
    'select current_database() as name',
  )
  const name = databases[0]?.name ?? ''
  for (const way of ['indexscan', 'indexonlyscan', 'bitmapscan']) {
    await api.database.pool.query(`alter database "${name}" set enable_${way} = off`)
  }
  const sorting = openCountedApi(api.config)
  const { body } = await sorting.client(account.key).get<List>('/v2/products?sort=price&limit=50')
  await sorting.close()
  await api.database.pool.query(`alter database "${name}" reset all`)
  const rows = body.data
  for (const [index, row] of rows.slice(1).entries()) {
    const before = rows[index]
    if (before === undefined) throw new Error('no row before')
    const falls = before.price_minor > row.price_minor
    expect(falls || (before.price_minor === row.price_minor && before.id > row.id)).toBe(true)
  }
})

test('a walk sees every row that was there once, whatever is inserted and removed meanwhile', async () => {
  const before = new Set((await walk('sort=name&order=asc&limit=50')).map(({ id }) => id))
  let inserted = 0
  const seen = await walk('sort=name&order=asc&limit=3', async () => {
    inserted += 1
    await makeProduct(api.database, account.accountId, {
      sku: `NEW-${inserted}`,
      name: inserted % 2 === 0 ? 'Aaa' : 'Card 3',
    })
  })
  const ids = seen.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect([...before].filter((id) => !ids.includes(id))).toEqual([])
  expect(inserted).toBeGreaterThan(5)
  await api.database.pool.query(`update products set status = 'archived' where sku like 'NEW-%'`)
})

test('a cursor belongs to its list, filter, sort, account and bound customer', async () => {
  const { body } = await client.get<List>('/v2/products?cursor=&limit=2&sort=name')
  const cursor = String(body.pagination['next_cursor'])
  const same = await client.get<List>(`/v2/products?cursor=${cursor}&limit=9&sort=name`)
  expect(same.status).toBe(200)
  const stranger = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const bound = await makeKey(api.database, account, { customerId })
  const uses: [string, string][] = [
    [`/v2/products?cursor=${cursor}`, account.key],
    [`/v2/products?cursor=${cursor}&sort=price`, account.key],
    [`/v2/products?cursor=${cursor}&sort=name&status=draft`, account.key],
    [`/v2/products?cursor=${cursor}&sort=name`, stranger.key],
    [`/v2/products?cursor=${cursor}&sort=name`, bound],
    [`/v2/customers?cursor=${cursor}`, account.key],
    [`/v2/products?cursor=${cursor.slice(0, -2)}&sort=name`, account.key],
    [`/v2/products?cursor=A${cursor}&sort=name`, account.key],
    ['/v2/products?cursor=WyIyMDI2Il0.AAAA&sort=name', account.key],
    ['/v2/products?cursor=.&sort=name', account.key],
  ]
  for (const [path, key] of uses) {
    const answer = await client.get(path, { key })
    expect(answer.status, path).toBe(400)
    expect(answer.body['error']).toMatchObject({ reason: 'invalid_cursor' })
  }
})

test('the number of statements does not grow with the list', async () => {
  const counted = openCountedApi(api.config)
  const reader = counted.client(account.key)
  await reader.get('/v2/products?limit=1')
  const statementsOf = async (path: string) => {
    await reader.get(path) // the key is cached for the next second
    counted.takeStatements()
    await reader.get(path)
    return counted.takeStatements().filter((text) => !/api_keys|from outbox/.test(text)).length
  }
  // One for the limiter, one for the rows, and on a numbered page one for the total.
  expect(await statementsOf('/v2/products?limit=1')).toBe(3)
  expect(await statementsOf('/v2/products?limit=50')).toBe(3)
  expect(await statementsOf('/v2/products?cursor=&limit=50')).toBe(2)
  expect(await statementsOf('/v2/customers?limit=50')).toBe(3)
  await counted.close()
})

test('a total is exact up to ten thousand and says so beyond', async () => {
  const big = await makeAccount(api.database)
  await api.database.pool.query(
    `insert into products (id, account_id, sku, name, price_minor, currency)
     select 'prod_big' || n, $1, 'BIG-' || n, 'Big', 1, 'USD' from generate_series(1, 10000) n`,
    [big.accountId],
  )
  const reader = api.client(big.key)
  const exact = await reader.get<List>('/v2/products?limit=200')
  expect(exact.body.pagination).toMatchObject({ total_items: 10_000, total_exact: true })
  await makeProduct(api.database, big.accountId)
  const beyond = await reader.get<List>('/v2/products?limit=200')
  expect(beyond.body.pagination).toMatchObject({ total_items: 10_000, total_exact: false })
  const last = await reader.get<List>('/v2/products?limit=200&page=50')
  expect(last.body.pagination).toMatchObject({ has_next: true })
})
