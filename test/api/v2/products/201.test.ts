import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCatalogue, type Catalogue, type ProductBody } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_201')
})
afterAll(() => shop.api.stop())

test('the sources’ example body makes a product as it is printed', async () => {
  const answer = await shop.client.post<ProductBody>('/v2/products', {
    name: 'Premium Wireless Headphones',
    description: 'High-quality audio experience',
    price: 199.99,
    sku: 'HEADPHONE-001',
    status: 'active',
    categories: ['electronics', 'audio'],
    variants: [
      { sku: 'HEADPHONE-001-L', price: '189.50', attributes: { size: 'Large', color: 'Blue' } },
      { sku: 'HEADPHONE-001-S', image: 'https://cdn.example/s.png' },
    ],
    images: ['https://cdn.example/a.png', { url: 'https://cdn.example/b.png', alt: 'Side' }],
    metadata: { shelf: 4, fragile: true, note: null },
  })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(`/v2/products/${answer.body.id}`)
  expect(answer.body).toMatchObject({
    object: 'product',
    sku: 'HEADPHONE-001',
    price: 199.99,
    price_minor: 19999,
    currency: 'USD',
    status: 'active',
    fulfillment_type: 'physical',
    tax_class: 'goods',
    categories: ['electronics', 'audio'],
    images: [
      { url: 'https://cdn.example/a.png', alt: null },
      { url: 'https://cdn.example/b.png', alt: 'Side' },
    ],
    inventory: 0,
    metadata: { shelf: 4, fragile: true, note: null },
    version: 1,
    variants: [
      {
        sku: 'HEADPHONE-001-L',
        price: 189.5,
        price_minor: 18950,
        inventory: 0,
        attributes: { size: 'Large', color: 'Blue' },
        image: null,
      },
      {
        sku: 'HEADPHONE-001-S',
        price: null,
        price_minor: null,
        image: 'https://cdn.example/s.png',
      },
    ],
  })
  expect(answer.body.id).toMatch(/^prod_[0-9a-f]{26}$/)
  const read = await shop.client.get<ProductBody>(`/v2/products/${answer.body.id}`)
  expect(read.body).toEqual(answer.body)
})

test('name, price and SKU are enough', async () => {
  const product = await shop.make({ sku: 'LEAST-1' })
  expect(product).toMatchObject({
    description: '',
    categories: [],
    images: [],
    variants: [],
    metadata: {},
  })
})

test('a digital product is a voucher unless it is said to be something else', async () => {
  const digital = await shop.make({ fulfillment_type: 'digital_code' })
  expect(digital.tax_class).toBe('multi_purpose_voucher')
  const fee = await shop.make({ fulfillment_type: 'digital_code', tax_class: 'fee' })
  expect(fee.tax_class).toBe('fee')
})

test.each([
  ['USD', 0.07, 7],
  ['usd', '1234.50', 123450],
  ['USD', 1e3, 100000],
  ['JPY', 5000, 5000],
  ['KWD', '1.234', 1234],
  ['USD', 0, 0],
  ['USD', 1_000_000_000, 100_000_000_000],
])('a price in %s of %s is %s in minor units', async (currency, price, minor) => {
  const product = await shop.make({ currency, price })
  expect(product.price_minor).toBe(minor)
  expect(product.currency).toBe(currency.toUpperCase())
  expect(product.price).toBe(Number(price))
})

test('a product tells of itself once, with the object that GET prints', async () => {
  const product = await shop.make()
  const events = await shop.eventsOf(product.id)
  expect(events).toEqual([{ type: 'product.created', sequence: 1, facts: { object: product } }])
})

test('an endpoint that wants it gets a delivery and its command in the same commit', async () => {
  const hook = { url: 'https://your-domain.com/webhook', events: ['product.*'] }
  await shop.client.post('/v2/webhooks', hook)
  const product = await shop.make()
  const { rows } = await shop.api.database.pool.query(
    `select d.state, o.workflow from deliveries d join events e on e.id = d.event_id
     join outbox o on o.subject ->> 'delivery_id' = d.id where e.object_id = $1`,
    [product.id],
  )
  expect(rows).toEqual([{ state: 'pending', workflow: 'deliverWebhook' }])
})

test('a category or tag named twice is kept once', async () => {
  const product = await shop.make({ categories: ['audio', 'audio', 'tv'] })
  expect(product.categories).toEqual(['audio', 'tv'])
})
