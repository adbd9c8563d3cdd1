import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey, makeProduct, importCodes } from '../../../factories.ts'
import { openShop, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('code_reports_200')
})
afterAll(() => shop.stop())

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)

test('the stock by SKU: what can be sold, what expires when, what is expired', async () => {
  const product = await makeProduct(shop.database, shop.account.accountId, { sku: 'AAA-FIRST' })
  for (const [quantity, days] of [
    [2, 400],
    [3, 20],
    [4, 5],
    [5, 0.5],
  ] as const) {
    const expiresAt = inDays(days)
    const productId = product.id
    await importCodes(shop.database, shop.config.keys, shop.account, { productId }, quantity, {
      expiresAt,
    })
  }
  const { body } = await shop.owner.get<{ data: Record<string, unknown>[] }>('/v2/code-stock')
  expect(body.data[0]).toMatchObject({
    object: 'code_stock',
    product_id: product.id,
    variant_id: null,
    sku: 'AAA-FIRST',
    available: 9,
    expires_within_7_days: 4,
    expires_within_30_days: 7,
    expired: 5,
    quarantined: 0,
  })
  expect(Date.parse(String(body.data[0]?.['first_expiry_at']))).toBeCloseTo(inDays(5).getTime(), -5)
})

test('codes that were kept aside, with the reason, by pages and by filter; never the code', async () => {
  const product = await makeProduct(shop.database, shop.account.accountId)
  const productId = product.id
  const texts = ['LATE-CANARY-0001', 'SURPLUS-CANARY-0002', 'SURPLUS-CANARY-0003']
  await importCodes(shop.database, shop.config.keys, shop.account, { productId }, texts)
  await shop.database.pool.query(
    `update codes set quarantined_at = clock_timestamp(),
       quarantine_reason = case when last4 = '0001' then 'late' else 'surplus' end
     where product_id = $1`,
    [productId],
  )
  type List = { data: { last4: string; reason: string }[]; pagination: { total_items: number } }
  const path = '/v2/quarantined-codes'
  const all = await shop.owner.get<List>(path)
  expect(all.body.data.map(({ last4 }) => last4).toSorted()).toEqual(['0001', '0002', '0003'])
  expect(all.bytes.toString()).not.toContain('CANARY')
  const surplus = await shop.owner.get<List>(`${path}?reason=surplus&limit=1`)
  expect(surplus.body).toMatchObject({
    data: [{ object: 'quarantined_code', product_id: productId, reason: 'surplus' }],
    pagination: { total_items: 2 },
  })
  const none = await shop.owner.get<List>(`${path}?supplier_id=sup_none`)
  expect(none.body.data).toEqual([])
  const others = shop.client((await makeAccount(shop.database)).key)
  expect((await others.get<List>(path)).body.data).toEqual([])
})

test('403: a key of one customer, and one without the scope', async () => {
  const { accountId } = shop.account
  const customerId = await makeCustomer(shop.database, accountId)
  const bound = shop.client(await makeKey(shop.database, shop.account, { customerId }))
  const stranger = shop.client(
    await makeKey(shop.database, shop.account, { scopes: ['orders:read'] }),
  )
  for (const client of [bound, stranger]) {
    expect((await client.get('/v2/quarantined-codes')).status).toBe(403)
    expect((await client.get('/v2/code-stock')).status).toBe(403)
  }
})
