import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importCodes, makeAccount } from '../../../factories.ts'
import { openCatalogue, type Catalogue, type ProductBody } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_200')
})
afterAll(() => shop.api.stop())

const list = async (query: string) => {
  const { body } = await shop.client.get<{ data: ProductBody[] }>(`/v2/products?${query}`)
  return body.data.map(({ sku }) => sku)
}

describe('reading', () => {
  test('by id, by its SKU and by a SKU of a variant', async () => {
    const product = await shop.make({ sku: 'READ/1 a+b', variants: [{ sku: 'READ-1-L' }] })
    for (const name of [product.id, 'READ/1 a+b', 'READ-1-L']) {
      const answer = await shop.client.get(`/v2/products/${encodeURIComponent(name)}`)
      expect(answer.body, name).toEqual(product)
    }
  })

  test('inventory is what the own pool can sell, by variant and in all', async () => {
    const { account, api } = shop
    const product = await shop.make({
      sku: 'POOL',
      variants: [{ sku: 'POOL-L' }, { sku: 'POOL-S' }],
    })
    const own = { productId: product.id }
    await importCodes(api.database, api.config.keys, account, own, 3)
    const large = { productId: product.id, variantId: product.variants[0]?.id ?? '' }
    await importCodes(api.database, api.config.keys, account, large, 4)
    await api.database.pool.query(
      `update codes set expires_at = clock_timestamp() - interval '1 s' where id in
       (select id from codes where product_id = $1 and variant_id = '' limit 1)`,
      [product.id],
    )
    await api.database.pool.query(
      `update codes set quarantined_at = clock_timestamp(), quarantine_reason = 'surplus' where id in
       (select id from codes where product_id = $1 and variant_id = $2 limit 1)`,
      [product.id, large.variantId],
    )
    const { body } = await shop.client.get<ProductBody>(`/v2/products/${product.id}`)
    expect(body.variants.map(({ inventory }) => inventory)).toEqual([3, 0])
    expect(body.inventory).toBe(2 + 3)
  })
})

describe('lists', () => {
  test('archived products are hidden unless asked for', async () => {
    const product = await shop.make({ sku: 'HIDDEN-1', categories: ['hidden'] })
    expect(await list('category=hidden')).toEqual(['HIDDEN-1'])
    await shop.client.delete(`/v2/products/${product.id}`)
    expect(await list('category=hidden')).toEqual([])
    expect(await list('category=hidden&status=archived')).toEqual(['HIDDEN-1'])
  })

  test('each filter holds alone and together', async () => {
    await shop.make({ sku: 'F-1', name: 'Alpha card', categories: ['f', 'games'], status: 'draft' })
    await shop.make({
      sku: 'F-2',
      name: 'Beta card',
      categories: ['f'],
      fulfillment_type: 'digital_code',
    })
    await shop.make({
      sku: 'F-3',
      name: 'Gamma',
      categories: ['f', 'games'],
      variants: [{ sku: 'F3-ALPHA' }],
    })
    expect(await list('category=f&sort=created_at&order=asc')).toEqual(['F-1', 'F-2', 'F-3'])
    expect(await list('category=games&order=asc')).toEqual(['F-1', 'F-3'])
    expect(await list('category=f&status=draft')).toEqual(['F-1'])
    expect(await list('category=f&status=active&order=asc')).toEqual(['F-2', 'F-3'])
    expect(await list('category=f&fulfillment_type=digital_code')).toEqual(['F-2'])
    expect(await list('search=alpha&order=asc')).toEqual(['F-1', 'F-3'])
    expect(await list('search=BETA')).toEqual(['F-2'])
    expect(await list('search=alpha&category=games&status=active')).toEqual(['F-3'])
    expect(await list('category=gam')).toEqual([])
  })

  test('a search is text and no pattern', async () => {
    await shop.make({ sku: 'PCT-1', name: '100% cotton_x' })
    expect(await list('search=100%25')).toEqual(['PCT-1'])
    expect(await list('search=%25cotton%25')).toEqual([])
    expect(await list('search=cotton_')).toEqual(['PCT-1'])
    expect(await list(`search=${encodeURIComponent(String.raw`\\`)}`)).toEqual([])
  })

  test('another account’s products are not in it', async () => {
    const product = await shop.make({ sku: 'MINE-1' })
    const stranger = await makeAccount(shop.api.database)
    const answer = await shop.api.client(stranger.key).get<{ data: ProductBody[] }>('/v2/products')
    expect(answer.body.data).toEqual([])
    expect(product.sku).toBe('MINE-1')
  })
})

describe.each(['put', 'patch'] as const)('%s', (method) => {
  const change = (id: string, body: object, headers = {}) =>
    shop.client[method]<ProductBody>(`/v2/products/${id}`, body, { headers })

  test('merges: what is left out stays', async () => {
    const before = await shop.make({ description: 'old', metadata: { a: 1 }, categories: ['x'] })
    const { status, body } = await change(before.id, { price: '59.90' })
    expect(status).toBe(200)
    expect(body).toEqual({
      ...before,
      price: 59.9,
      price_minor: 5990,
      version: 2,
      updated_at: body.updated_at,
    })
    expect(Date.parse(body.updated_at)).toBeGreaterThan(Date.parse(before.updated_at))
  })

  test('tells of the change once, with the object that GET prints', async () => {
    const { id } = await shop.make()
    const { body } = await change(id, { name: 'New' })
    const events = await shop.eventsOf(id)
    expect(events.map(({ type }) => type)).toEqual(['product.created', 'product.updated'])
    expect(events[1]).toMatchObject({ sequence: 2, facts: { object: body } })
  })

  test('a change that changes nothing tells nothing and keeps the version', async () => {
    const before = await shop.make({ variants: [{ sku: `NOP-${method}`, price: 1 }] })
    const {
      inventory: _,
      variants,
      object: __,
      id,
      created_at: ___,
      updated_at: ____,
      ...rest
    } = before
    const { price_minor: _____, ...same } = rest
    const { body } = await change(id, {
      ...same,
      variants: variants.map(({ inventory: _1, price_minor: _2, ...variant }) => variant),
    })
    expect(body).toEqual(before)
    expect(await shop.eventsOf(id)).toHaveLength(1)
  })

  test('variants keep their ids by id or by SKU, the missing are removed and come back', async () => {
    const sku = (name: string) => `${method}-${name}`
    const before = await shop.make({
      variants: [{ sku: sku('A') }, { sku: sku('B') }, { sku: sku('C') }],
    })
    const [a, b, c] = before.variants.map((variant) => variant.id)
    const { body } = await change(before.id, {
      variants: [{ sku: sku('C'), price: 5 }, { id: a, sku: sku('A2') }, { sku: sku('D') }],
    })
    expect(body.variants.map((variant) => variant.sku)).toEqual([sku('C'), sku('A2'), sku('D')])
    expect(body.variants[0]).toMatchObject({ id: c, price_minor: 500 })
    expect(body.variants[1]?.id).toBe(a)
    expect((await shop.client.get(`/v2/products/${sku('B')}`)).status).toBe(404)
    const again = await change(before.id, { variants: [{ sku: sku('B') }] })
    expect(again.body.variants.map((variant) => variant.id)).toEqual([b])
  })

  test('two variants can swap their SKUs, and a freed SKU can be taken', async () => {
    const sku = (name: string) => `SWAP-${method}-${name}`
    const before = await shop.make({ variants: [{ sku: sku('1') }, { sku: sku('2') }] })
    const [one, two] = before.variants.map((variant) => variant.id)
    const swapped = await change(before.id, {
      variants: [
        { id: one, sku: sku('2') },
        { id: two, sku: sku('1') },
      ],
    })
    expect(swapped.body.variants.map((variant) => variant.sku)).toEqual([sku('2'), sku('1')])
    await change(before.id, { variants: [] })
    expect((await shop.make({ sku: sku('1') })).sku).toBe(sku('1'))
  })

  test('archiving by status tells that it was deleted, and it can be brought back', async () => {
    const { id } = await shop.make()
    expect((await change(id, { status: 'archived' })).body.status).toBe('archived')
    expect((await change(id, { status: 'active' })).body.status).toBe('active')
    const types = (await shop.eventsOf(id)).map(({ type }) => type)
    expect(types).toEqual(['product.created', 'product.deleted', 'product.updated'])
  })

  test('an edit that names the version or the ETag it rests on is taken', async () => {
    const { id } = await shop.make()
    const read = await shop.client.get<ProductBody>(`/v2/products/${id}`)
    const etag = read.headers.get('etag') ?? ''
    expect((await change(id, { name: 'a' }, { 'If-Match': etag })).status).toBe(200)
    expect((await change(id, { name: 'b', version: 2 })).status).toBe(200)
    expect((await change(id, { name: 'c' }, { 'If-Match': '*' })).status).toBe(200)
  })

  test('a code that comes into the pool in between does not refuse an edit', async () => {
    const { id } = await shop.make({ fulfillment_type: 'digital_code' })
    const etag = (await shop.client.get(`/v2/products/${id}`)).headers.get('etag') ?? ''
    await importCodes(shop.api.database, shop.api.config.keys, shop.account, { productId: id }, 1)
    const now = (await shop.client.get(`/v2/products/${id}`)).headers.get('etag')
    expect(now).not.toBe(etag)
    expect((await change(id, { name: 'a' }, { 'If-Match': etag })).status).toBe(200)
  })
})

test('edits of one product at once come one after the other: none is lost', async () => {
  const { id } = await shop.make()
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      shop.client.patch<ProductBody>(`/v2/products/${id}`, { metadata: { n } }),
    ),
  )
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  const versions = answers.map(({ body }) => body.version).toSorted((a, b) => a - b)
  expect(versions).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
  expect((await shop.eventsOf(id)).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 13 }, (_, n) => n + 1),
  )
})
