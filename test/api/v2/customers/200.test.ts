import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fulfillTransaction } from '../../../../db/fulfillment.ts'
import { importCodes, makeAccount, makeKey, makeProduct } from '../../../factories.ts'
import { openClients, type Clients, type CustomerBody } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_200')
})
afterAll(() => shop.api.stop())

const list = async (query: string) => {
  const { body } = await shop.client.get<{ data: CustomerBody[] }>(`/v2/customers?${query}`)
  return body.data.map(({ email }) => email.split('@')[0])
}

describe('reading', () => {
  test('the order history counts orders and what was delivered, by currency', async () => {
    const { api, account, client } = shop
    const customer = await shop.make()
    const dollars = await makeProduct(api.database, account.accountId, { priceMinor: 1050n })
    const euros = await makeProduct(api.database, account.accountId, {
      priceMinor: 999n,
      currency: 'EUR',
    })
    await importCodes(api.database, api.config.keys, account, { productId: dollars.id }, 2)
    await importCodes(api.database, api.config.keys, account, { productId: euros.id }, 5)
    for (const [product, quantity] of [
      [dollars, 3],
      [euros, 1],
      [euros, 2],
    ] as const) {
      const order = await client.post<{ transaction_id: string; created_at: string }>(
        '/v2/orders',
        {
          customer_id: customer.id,
          items: [{ product_id: product.id, quantity }],
        },
      )
      await fulfillTransaction(api.database.pool, {
        accountId: account.accountId,
        transactionId: order.body.transaction_id,
      })
    }
    const { body } = await client.get<CustomerBody>(`/v2/customers/${customer.id}`)
    // Of the three codes in dollars two were there.
    expect(body.order_history).toEqual({
      order_count: 3,
      total_spent: { USD: 21, EUR: 29.97 },
      total_spent_minor: { USD: 2100, EUR: 2997 },
      last_order_at: body.order_history?.last_order_at,
    })
    const { rows } = await api.database.pool.query<{ at: Date }>(
      'select max(accepted_at) as at from transactions where customer_id = $1',
      [customer.id],
    )
    expect(body.order_history?.last_order_at).toBe(rows[0]?.at.toISOString())
  })

  test('a key that is bound to a customer reads that one only', async () => {
    const [own, other] = [await shop.make(), await shop.make()]
    const bound = shop.api.client(
      await makeKey(shop.api.database, shop.account, { customerId: own.id }),
    )
    expect((await bound.get(`/v2/customers/${own.id}`)).status).toBe(200)
    expect((await bound.get(`/v2/customers/${other.id}`)).status).toBe(404)
    const all = await bound.get<{ data: CustomerBody[] }>('/v2/customers')
    expect(all.body.data.map(({ id }) => id)).toEqual([own.id])
  })
})

describe('lists', () => {
  test('each filter holds alone and together', async () => {
    await shop.make({
      email: 'ana@f.example',
      first_name: 'Ana',
      last_name: 'Silva',
      tags: ['f', 'vip'],
    })
    await shop.make({
      email: 'bob@f.example',
      first_name: 'Bob',
      company: 'Silvana Ltd',
      tags: ['f'],
    })
    await shop.make({ email: 'cy_1@g.example', last_name: 'Ana', tags: ['f', 'vip', 'eu'] })
    expect(await list('tags=f')).toEqual(['cy_1', 'bob', 'ana'])
    expect(await list('tags=vip,%20f')).toEqual(['cy_1', 'ana'])
    expect(await list('tags=f&email=F.EXAMPLE')).toEqual(['bob', 'ana'])
    expect(await list('email=ana@f.example')).toEqual(['ana'])
    expect(await list('email=cy_1&tags=f')).toEqual(['cy_1'])
    expect(await list('email=c__1&tags=f')).toEqual([])
    expect(await list('tags=f&name=silva')).toEqual(['bob', 'ana'])
    expect(await list('tags=f&name=ana%20silva')).toEqual(['ana'])
    expect(await list('tags=f,vip&name=ana')).toEqual(['cy_1', 'ana'])
  })

  test('dates are half-open and days of the account’s zone', async () => {
    // 23:30 on 31 January and 00:30 on 1 February in New York.
    for (const [email, at] of [
      ['jan@d.example', '2026-02-01T04:30:00Z'],
      ['feb@d.example', '2026-02-01T05:30:00Z'],
    ]) {
      const { id } = await shop.make({ email, tags: ['dated'] })
      await shop.api.database.pool.query('update customers set created_at = $2 where id = $1', [
        id,
        at,
      ])
    }
    const dated = (query: string) => list(`tags=dated&${query}`)
    expect(await dated('created_from=2026-02-01')).toEqual(['feb'])
    expect(await dated('created_to=2026-02-01')).toEqual(['jan'])
    expect(await dated('created_from=2026-01-31&created_to=2026-02-02')).toEqual(['feb', 'jan'])
    expect(
      await dated('created_from=2026-02-01T04:30:00Z&created_to=2026-02-01T05:30:00Z'),
    ).toEqual(['jan'])
    expect(await dated('created_to=2026-02-01T05:30:00%2B01:00')).toEqual([])
  })

  test.each(['2026-02-30', '2026-1-1', 'yesterday', '2026-01-01T00:00:00', '0000-01-01'])(
    'the date %s is 400',
    async (date) => {
      const answer = await shop.client.get(`/v2/customers?created_from=${date}`)
      expect(answer.status).toBe(400)
    },
  )

  test('another account’s customers are not in it', async () => {
    const stranger = shop.api.client((await makeAccount(shop.api.database)).key)
    const answer = await stranger.get<{ data: CustomerBody[] }>('/v2/customers')
    expect(answer.body.data).toEqual([])
  })
})

describe.each(['put', 'patch'] as const)('%s', (method) => {
  const change = (id: string, body: object, headers = {}) =>
    shop.client[method]<CustomerBody>(`/v2/customers/${id}`, body, { headers })

  test('merges: what is left out stays, null empties', async () => {
    const address = { street: 'a', city: 'b', zip: 'c', country: 'DE' }
    const before = await shop.make({
      first_name: 'Ana',
      company: 'Old',
      addresses: [address, { ...address, street: 'other' }],
      time_zone: 'Asia/Tokyo',
    })
    const { status, body } = await change(before.id, {
      company: 'New',
      first_name: null,
      addresses: [
        { ...address, street: 'other' },
        { ...address, street: 'third' },
      ],
      time_zone: null,
      cut_off: '06:30',
      status: 'inactive',
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      email: before.email,
      first_name: null,
      company: 'New',
      time_zone: 'America/New_York',
      cut_off: '06:30',
      status: 'inactive',
      version: 2,
    })
    // An address that is sent again unchanged keeps its id.
    expect(body.addresses[0]?.id).toBe(before.addresses[1]?.id)
    expect(body.addresses[1]?.id).not.toBe(before.addresses[0]?.id)
  })

  test('credit limits change by currency, and what is held stays', async () => {
    const { id } = await shop.make({ credit_limits: { USD: 100, EUR: 50 } })
    await shop.api.database.pool.query(
      `update customer_balances set held_minor = 700 where customer_id = $1 and currency = 'USD'`,
      [id],
    )
    const { body } = await change(id, { credit_limits: { USD: null, JPY: 9 } })
    expect(body.credit_limits).toEqual({ USD: null, EUR: 50, JPY: 9 })
    const { rows } = await shop.api.database.pool.query(
      `select held_minor::int as held from customer_balances where customer_id = $1 and currency = 'USD'`,
      [id],
    )
    expect(rows).toEqual([{ held: 700 }])
  })

  test('tells of the change once, and of no change nothing', async () => {
    const before = await shop.make({ credit_limits: { USD: 5 }, cut_off: '24:00', tags: ['a'] })
    const same = await change(before.id, {
      email: before.email,
      cut_off: '24:00',
      credit_limits: { USD: '5.00' },
      tags: ['a'],
      metadata: {},
    })
    expect(same.body).toEqual(before)
    expect(await shop.eventsOf(before.id)).toHaveLength(1)
    const limited = await change(before.id, { credit_limits: { USD: 6 } })
    expect(limited.body.version).toBe(2)
    const events = await shop.eventsOf(before.id)
    expect(events.map(({ type }) => type)).toEqual(['customer.created', 'customer.updated'])
    expect(events[1]).toMatchObject({ sequence: 2, facts: { object: limited.body } })
  })

  test('an edit that names the version or the ETag it rests on is taken', async () => {
    const { id } = await shop.make()
    const etag = (await shop.client.get(`/v2/customers/${id}`)).headers.get('etag') ?? ''
    expect((await change(id, { company: 'a' }, { 'If-Match': etag })).status).toBe(200)
    expect((await change(id, { company: 'b', version: 2 })).status).toBe(200)
  })
})

test('a customer’s new zone holds from its next business day: the open one stays', async () => {
  const customer = await shop.make({ time_zone: 'Asia/Tokyo' })
  const product = await makeProduct(shop.api.database, shop.account.accountId)
  const order = { customer_id: customer.id, items: [{ product_id: product.id, quantity: 1 }] }
  const first = await shop.client.post<{ purchase_order: object }>('/v2/orders', order)
  await shop.client.patch(`/v2/customers/${customer.id}`, { time_zone: 'Pacific/Honolulu' })
  const second = await shop.client.post<{ purchase_order: object }>('/v2/orders', order)
  expect(second.body.purchase_order).toEqual(first.body.purchase_order)
})
