import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClients, type Clients, type Refused } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_422')
})
afterAll(() => shop.api.stop())

const least = { email: 'a@b.example' }
const address = { street: 'a', city: 'b', zip: 'c', country: 'DE' }

test('the sources’ example: an invalid e-mail address is named in their words', async () => {
  for (const email of ['customer@example', 'nobody', '@x.example', 'a b@x.example', '']) {
    const answer = await shop.client.post<Refused>('/v2/customers', { email })
    expect(answer.status, email).toBe(422)
    expect(answer.body.error.details).toEqual([{ field: 'email', message: 'Invalid email format' }])
  }
})

test.each([
  ['email', {}],
  ['email', { email: null }],
  ['email', { email: `${'a'.repeat(250)}@x.example` }],
  ['first_name', { ...least, first_name: '' }],
  ['phone', { ...least, phone: 'x'.repeat(41) }],
  ['tags.0', { ...least, tags: ['a,b'] }],
  ['tags', { ...least, tags: Array.from({ length: 51 }, (_, n) => `t${n}`) }],
  ['addresses.0.street', { ...least, addresses: [{ ...address, street: undefined }] }],
  ['addresses.0.country', { ...least, addresses: [{ ...address, country: 'USA' }] }],
  ['addresses.0.country', { ...least, addresses: [{ ...address, country: 'ZZ' }] }],
  ['addresses.0.kind', { ...least, addresses: [{ ...address, kind: 'home' }] }],
  ['addresses.0.id', { ...least, addresses: [{ ...address, id: 'addr_1' }] }],
  ['time_zone', { ...least, time_zone: 'Mars/Olympus' }],
  ['time_zone', { ...least, time_zone: '+03:00' }],
  ['time_zone', { ...least, time_zone: 'UTC+3' }],
  ['cut_off', { ...least, cut_off: '00:00' }],
  ['cut_off', { ...least, cut_off: '24:01' }],
  ['cut_off', { ...least, cut_off: '6:00' }],
  ['cut_off', { ...least, cut_off: '18:00:00' }],
  ['credit_limits.XXX', { ...least, credit_limits: { XXX: 1 } }],
  ['credit_limits.usd', { ...least, credit_limits: { usd: 1 } }],
  ['credit_limits.USD', { ...least, credit_limits: { USD: -1 } }],
  ['credit_limits.USD', { ...least, credit_limits: { USD: 1.001 } }],
  ['credit_limits.USD', { ...least, credit_limits: { USD: 1e15 } }],
  ['status', { ...least, status: 'deleted' }],
  ['metadata.a', { ...least, metadata: { a: [] } }],
  ['order_history', { ...least, order_history: {} }],
  ['username', { ...least, username: 'x' }],
])('%s is named: %j', async (field, body) => {
  const answer = await shop.client.post<Refused>('/v2/customers', body)
  expect(answer.status).toBe(422)
  expect(answer.body.error.details.map((each) => each.field)).toContain(field)
})

test('every zone that Node knows PostgreSQL takes, or it is a 422', async () => {
  const { id } = await shop.make()
  for (const time_zone of [
    'UTC',
    'Etc/GMT+12',
    'Asia/Calcutta',
    'america/santiago',
    'EST5EDT',
    'Factory',
  ]) {
    const { status } = await shop.client.patch(`/v2/customers/${id}`, { time_zone })
    expect([200, 422], time_zone).toContain(status)
  }
})

test('nothing was written by what was refused', async () => {
  const { rows } = await shop.api.database.pool.query(
    `select count(*)::int as n from customers where email = 'a@b.example'`,
  )
  expect(rows).toEqual([{ n: 0 }])
})
