import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCatalogue, type Catalogue, type Refused } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_422')
})
afterAll(() => shop.api.stop())

const least = { name: 'P', price: 1, sku: 'S' }
const many = <Item>(count: number, item: (n: number) => Item) =>
  Array.from({ length: count }, (_, n) => item(n))

test.each([
  ['name', { ...least, name: undefined }],
  ['name', { ...least, name: '' }],
  ['name', { ...least, name: 'x'.repeat(201) }],
  ['name', { ...least, name: 'a\u0007b' }],
  ['name', { ...least, name: 1 }],
  ['sku', { ...least, sku: undefined }],
  ['sku', { ...least, sku: ' S' }],
  ['sku', { ...least, sku: 'é' }],
  ['sku', { ...least, sku: '..' }],
  ['sku', { ...least, sku: `prod_${'0'.repeat(26)}` }],
  ['price', { ...least, price: undefined }],
  ['price', { ...least, price: null }],
  ['price', { ...least, price: true }],
  ['price', { ...least, price: -0.01 }],
  ['price', { ...least, price: 199.999 }],
  ['price', { ...least, price: '199.999' }],
  ['price', { ...least, price: '1,99' }],
  ['price', { ...least, price: '1e2' }],
  ['price', { ...least, price: ' 1' }],
  ['price', { ...least, price: 1e21 }],
  ['price', { ...least, price: 1_000_000_000.01 }],
  ['price', { ...least, price: 1.5, currency: 'JPY' }],
  ['currency', { ...least, currency: 'XXX' }],
  ['currency', { ...least, currency: 'US' }],
  ['status', { ...least, status: 'deleted' }],
  ['fulfillment_type', { ...least, fulfillment_type: 'service' }],
  ['tax_class', { ...least, tax_class: 'none' }],
  ['categories.0', { ...least, categories: ['Not a slug'] }],
  ['categories', { ...least, categories: many(51, (n) => `c${n}`) }],
  ['images.0', { ...least, images: ['javascript:alert(1)'] }],
  ['images.0', { ...least, images: ['ftp://a.example/x'] }],
  ['images.0', { ...least, images: [{ alt: 'x' }] }],
  ['images', { ...least, images: many(51, () => 'https://a.example/x') }],
  ['variants.0.sku', { ...least, variants: [{}] }],
  ['variants.0.inventory', { ...least, variants: [{ sku: 'V', inventory: 5 }] }],
  ['variants.0.price', { ...least, variants: [{ sku: 'V', price: 0.001 }] }],
  ['variants.0.id', { ...least, variants: [{ sku: 'V', id: `var_${'0'.repeat(26)}` }] }],
  ['variants.0.colour', { ...least, variants: [{ sku: 'V', colour: 'red' }] }],
  ['variants.0.sku', { ...least, variants: [{ sku: 'S' }] }],
  ['variants.1.sku', { ...least, variants: [{ sku: 'V' }, { sku: 'V' }] }],
  ['variants', { ...least, variants: many(201, (n) => ({ sku: `V${n}` })) }],
  ['variants.0.attributes.size', { ...least, variants: [{ sku: 'V', attributes: { size: 1 } }] }],
  ['metadata.a', { ...least, metadata: { a: {} } }],
  ['metadata', { ...least, metadata: Object.fromEntries(many(51, (n) => [`k${n}`, n])) }],
  ['metadata.a', { ...least, metadata: { a: 'x'.repeat(1_001) } }],
  ['version', { ...least, version: 1 }],
  ['id', { ...least, id: 'prod_1' }],
  ['account_id', { ...least, account_id: 'acc_1' }],
])('%s is named: %j', async (field, body) => {
  const answer = await shop.client.post<Refused>('/v2/products', body)
  expect(answer.status).toBe(422)
  expect(answer.body.error.details.map((each) => each.field)).toContain(field)
})

test('every bad field is named at once', async () => {
  const answer = await shop.client.post<Refused>('/v2/products', { name: '', price: [], extra: 1 })
  const fields = answer.body.error.details.map(({ field }) => field)
  expect(fields.toSorted()).toEqual(['extra', 'name', 'price', 'sku'])
})

test('nothing was written by any of them', async () => {
  const { rows } = await shop.api.database.pool.query(
    'select (select count(*)::int from products) p, (select count(*)::int from events) e',
  )
  expect(rows).toEqual([{ p: 0, e: 0 }])
})

test('a product that changes its currency is priced anew', async () => {
  const product = await shop.make({ price: 10, variants: [{ sku: 'CUR-L', price: 12 }] })
  const change = (body: object) => shop.client.put<Refused>(`/v2/products/${product.id}`, body)
  const field = async (body: object) => (await change(body)).body.error.details[0]?.field
  expect(await field({ currency: 'EUR' })).toBe('price')
  expect(await field({ currency: 'EUR', price: 9 })).toBe('variants')
  const variants = [{ sku: 'CUR-L', price: 11 }]
  expect((await change({ currency: 'EUR', price: 9, variants })).status).toBe(200)
})

test('a variant of another product is not taken over', async () => {
  const other = await shop.make({ variants: [{ sku: 'OTHER-L' }] })
  const product = await shop.make()
  const variants = [{ id: other.variants[0]?.id, sku: 'STOLEN' }]
  const answer = await shop.client.put<Refused>(`/v2/products/${product.id}`, { variants })
  expect(answer.status).toBe(422)
  expect(answer.body.error.details[0]?.field).toBe('variants.0.id')
})
