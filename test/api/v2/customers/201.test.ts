import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount } from '../../../factories.ts'
import { openClients, type Clients, type CustomerBody } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_201')
})
afterAll(() => shop.api.stop())

test('the sources’ example body makes a customer as it is printed', async () => {
  const address = { street: '1 Main St', city: 'Springfield', zip: '12345', country: 'us' }
  const answer = await shop.client.post<CustomerBody>('/v2/customers', {
    email: 'customer@example.com',
    first_name: 'Jane',
    last_name: 'Doe',
    phone: '+1-555-0123',
    addresses: [{ ...address, kind: 'billing', name: 'Jane Doe', state: 'IL' }, address],
    tags: ['vip', 'newsletter', 'vip'],
    company: 'Doe Trading',
    tax_id: 'US12-3456789',
    time_zone: 'America/Santiago',
    cut_off: '18:00',
    credit_limits: { USD: 1000.5, EUR: null, JPY: '5000' },
    metadata: { crm: 'A-7' },
  })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(`/v2/customers/${answer.body.id}`)
  expect(answer.body).toMatchObject({
    object: 'customer',
    email: 'customer@example.com',
    first_name: 'Jane',
    last_name: 'Doe',
    phone: '+1-555-0123',
    company: 'Doe Trading',
    tax_id: 'US12-3456789',
    tags: ['vip', 'newsletter'],
    addresses: [
      { kind: 'billing', name: 'Jane Doe', street: '1 Main St', state: 'IL', country: 'US' },
      { street: '1 Main St', city: 'Springfield', zip: '12345', country: 'US' },
    ],
    time_zone: 'America/Santiago',
    cut_off: '18:00',
    credit_limits: { USD: 1000.5, EUR: null, JPY: 5000 },
    credit_limits_minor: { USD: 100050, EUR: null, JPY: 5000 },
    metadata: { crm: 'A-7' },
    status: 'active',
    version: 1,
    order_history: { order_count: 0, total_spent: {}, last_order_at: null },
  })
  for (const { id } of answer.body.addresses) expect(id).toMatch(/^addr_[0-9a-f]{26}$/)
  const read = await shop.client.get<CustomerBody>(`/v2/customers/${answer.body.id}`)
  expect(read.body).toEqual(answer.body)
})

test('an e-mail address is enough; the rest is the account’s', async () => {
  const customer = await shop.make()
  expect(customer).toMatchObject({
    first_name: null,
    company: null,
    tags: [],
    addresses: [],
    time_zone: 'America/New_York',
    cut_off: '24:00',
  })
})

test('credit is unlimited in a test account and none in a live one, unless it is given', async () => {
  expect((await shop.make()).credit_limits).toEqual({ USD: null })
  const live = await makeAccount(shop.api.database, { mode: 'live' })
  const theirs = shop.api.client(live.key)
  const plain = await theirs.post<CustomerBody>('/v2/customers', { email: 'a@live.example' })
  expect(plain.body.credit_limits).toEqual({})
  const credit = { email: 'b@live.example', credit_limits: { USD: 0 } }
  const given = await theirs.post<CustomerBody>('/v2/customers', credit)
  expect(given.body.credit_limits).toEqual({ USD: 0 })
})

test('a customer tells of itself once; keys bound to it may read the event', async () => {
  const customer = await shop.make()
  const { rows } = await shop.api.database.pool.query(
    'select type, sequence, customer_id, facts from events where object_id = $1',
    [customer.id],
  )
  expect(rows).toEqual([
    {
      type: 'customer.created',
      sequence: 1,
      customer_id: customer.id,
      facts: { object: customer },
    },
  ])
})

test('an e-mail address is free in another account', async () => {
  await shop.make({ email: 'shared@x.example' })
  const other = shop.api.client((await makeAccount(shop.api.database)).key)
  expect((await other.post('/v2/customers', { email: 'shared@x.example' })).status).toBe(201)
})
