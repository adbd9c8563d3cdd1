import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClients, type Clients, type Refused } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_409')
})
afterAll(() => shop.api.stop())

test('an e-mail address belongs to one customer, whatever its case', async () => {
  await shop.make({ email: 'Taken@x.example' })
  for (const email of ['Taken@x.example', 'taken@X.example']) {
    const answer = await shop.client.post<Refused>('/v2/customers', { email })
    expect(answer.status).toBe(409)
    expect(answer.body.error).toMatchObject({
      reason: 'customer_exists',
      details: [{ field: 'email' }],
    })
  }
  const other = await shop.make()
  const body = { email: 'TAKEN@x.example' }
  expect((await shop.client.put(`/v2/customers/${other.id}`, body)).status).toBe(409)
  expect(await shop.eventsOf(other.id)).toHaveLength(1)
})

test('twenty customers with one address at once: one is made', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      shop.client.post('/v2/customers', { email: 'race@x.example' }),
    ),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(1)
  expect(statuses.filter((status) => status === 409)).toHaveLength(19)
})

test('an edit that rests on another version is refused', async () => {
  const { id } = await shop.make()
  await shop.client.patch(`/v2/customers/${id}`, { company: 'b' })
  const answer = await shop.client.patch<Refused>(`/v2/customers/${id}`, {
    company: 'c',
    version: 1,
  })
  expect(answer.status).toBe(409)
  expect(answer.body.error.reason).toBe('version_mismatch')
})
