import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROUTES } from '../../api/routes.ts'
import type { Route } from '../../api/route.ts'
import { fulfillTransaction } from '../../db/fulfillment.ts'
import { billDay, issueCreditNotes } from '../billing.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeKey,
  makeProduct,
  type TestAccount,
} from '../factories.ts'
import type { TestClient } from './client.ts'
import { serveApi, type ServedApi } from './serve.ts'

/** No account reads or changes another's row, no test key a live one, no bound key another customer's. */
const WITH_ID = ROUTES.filter((route) => route.path.includes('{'))
/** What belongs to one customer, so that a key bound to another one must not find it. */
const OF_A_CUSTOMER =
  /^\/v2\/(claims|customers|orders|transactions|purchase-orders|invoices|credit-notes|events)\//

let api: ServedApi
let owner: TestAccount
const ids: Record<string, string> = {}
/** No id, and nobody's secret. */
let businessDate = ''
const strangers: Record<string, TestClient> = {}
let boundToAnother: TestClient

beforeAll(async () => {
  api = await serveApi('cross_account')
  const { database } = api
  owner = await makeAccount(database)
  await fill()
  const [other, live] = [await makeAccount(database), await makeAccount(database, { mode: 'live' })]
  strangers['another account'] = api.client(other.key)
  strangers['a live account'] = api.client(live.key)
  const customerId = await makeCustomer(database, owner.accountId)
  boundToAnother = api.client(await makeKey(database, owner, { customerId }))
})
afterAll(() => api.stop())

/** One of everything that has an id, the invoice included. */
async function fill(): Promise<void> {
  const { database, config } = api
  const { accountId } = owner
  const client = api.client(owner.key)
  const product = await makeProduct(database, accountId)
  ids['products'] = product.id
  ids['product_id'] = product.id
  ids['customers'] = await makeCustomer(database, accountId)
  await importCodes(database, config.keys, owner, { productId: product.id }, 1)
  const hook = { url: 'https://your-domain.com/webhook', events: ['*'] }
  ids['webhooks'] = (await client.post<{ id: string }>('/v2/webhooks', hook)).body.id
  const { body: order } = await client.post<{
    id: string
    transaction_id: string
    purchase_order: { id: string; business_date: string }
  }>('/v2/orders', {
    customer_id: ids['customers'],
    items: [{ product_id: product.id, quantity: 1 }],
  })
  ids['orders'] = order.id
  ids['transactions'] = order.transaction_id
  ids['purchase-orders'] = order.purchase_order.id
  businessDate = order.purchase_order.business_date
  await fulfillTransaction(database.pool, { accountId, transactionId: order.transaction_id })
  ids['unit'] = await firstId('units')
  const claim = `/v2/orders/${order.id}/units/${ids['unit']}/claim`
  ids['claims'] = (await client.post<{ id: string }>(claim, { reason: 'used' })).body.id
  await billDay(api, accountId, order.purchase_order.id)
  ids['invoices'] = await firstId(`invoices`)
  const received = { amount: 1, reference: 'SEPA 1', received_on: '2026-11-23' }
  const payments = `/v2/invoices/${ids['invoices']}/payments`
  ids['payment_id'] = (await client.post<{ id: string }>(payments, received)).body.id
  await client.post(`/v2/invoices/${ids['invoices']}/credit-notes`, { reason: 'Refused' })
  await issueCreditNotes(api, accountId)
  ids['credit-notes'] = await firstId(`credit_notes`)
  const supplier = { name: 'Northwind', adapter: 'sandbox' }
  ids['suppliers'] = (await client.post<{ id: string }>('/v2/suppliers', supplier)).body.id
  const sold = { product_id: product.id, supplier_sku: 'NW', cost: 9, currency: 'USD' }
  const skus = `/v2/suppliers/${ids['suppliers']}/skus`
  ids['sku_id'] = (await client.post<{ id: string }>(skus, sold)).body.id
  const payment = { amount: 500, currency: 'usd', payment_method: 'card' }
  const { id } = (await client.post<{ id: string }>('/v2/payments/intents', payment)).body
  ids['payments'] = id
  await database.db
    .updateTable('payment_intents')
    .set({ state: 'succeeded', authorized_minor: 500n, captured_minor: 500n })
    .where('id', '=', id)
    .execute()
  ids['refunds'] = (await client.post<{ id: string }>(`/v2/payments/${id}/refund`, {})).body.id
  ids['disputes'] = await firstDispute(id)
  ids['differences'] = await firstDifference()
  ids['reconciliations'] = (await client.post<{ id: string }>('/v2/ledger/reconciliations')).body.id
  ids['events'] = await firstId(`events`)
  ids['delivery_id'] = await firstId(`deliveries`)
}

/** As a comparison with the provider leaves it. */
async function firstDifference(): Promise<string> {
  const { rows } = await api.database.pool.query<{ id: string }>(
    `insert into payment_differences (id, account_id, reconciliation_id, kind, about, subject,
       currency, last_seen_run)
     select new_id('pdf'), $1, request_reconciliation($1, '2026-01-31'), 'missing_here', 'balance',
       'txn_theirs', 'USD', 1 returning id`,
    [owner.accountId],
  )
  return rows[0]?.id ?? ''
}

/** As its story leaves it, once the provider has confirmed it. */
async function firstDispute(paymentId: string): Promise<string> {
  const { rows } = await api.database.pool.query<{ id: string }>(
    `select tell_dispute($1, $2, 'dp_theirs', 'test') as id`,
    [owner.accountId, paymentId],
  )
  const id = rows[0]?.id ?? ''
  await api.database.pool.query(
    `update disputes set opened_at = created_at, reason = 'general', amount_minor = 500,
       currency = 'USD', evidence_due_at = created_at + interval '9 days' where id = $1`,
    [id],
  )
  return id
}

async function firstId(table: string): Promise<string> {
  const { rows } = await api.database.pool.query<{ id: string }>(
    `select id from ${table} where account_id = $1 order by id limit 1`,
    [owner.accountId],
  )
  if (rows[0] === undefined) throw new Error(`There are no ${table}`)
  return rows[0].id
}

/** The path of the owner's object. A route with a new noun must say here what its id is. */
function pathOf(route: Route): string {
  const [, , first = '', second = ''] = route.path.split('/')
  const noun = second in ids ? second : first
  const found: Record<string, string | undefined> = {
    ...ids,
    id: ids[noun],
    format: 'pdf',
    date: businessDate,
  }
  return route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = found[name]
    if (value === undefined) throw new Error(`${route.path}: no ${name} is made here`)
    return value
  })
}

const ask = (client: TestClient, route: Route) =>
  client.request(route.method.toUpperCase(), pathOf(route), {
    ...(route.schemas.body === null ? {} : { body: {} }),
  })

/** Every row of the owner, as text, but for when its keys were last seen: that is noted a little later. */
async function snapshot(): Promise<string> {
  const { rows } = await api.database.pool.query<{ content: string }>(
    `select string_agg(query_to_xml(format('select * from %I t where account_id = %L order by t::text',
       table_name, $1::text), true, true, '')::text, '') as content
     from information_schema.columns where table_schema = 'public' and column_name = 'account_id'`,
    [owner.accountId],
  )
  return (rows[0]?.content ?? '').replaceAll(
    /<(last_used_\w+)( xsi:nil="true"\/>|>[^<]*<\/\1>)/g,
    '',
  )
}

test('the owner itself finds every one of them', async () => {
  const client = api.client(owner.key)
  for (const route of WITH_ID.filter(({ method }) => method === 'get')) {
    expect((await ask(client, route)).status, route.operationId).toBe(200)
  }
})

describe.each(['another account', 'a live account'])('%s', (who) => {
  test('meets 404 on every path with an id, and changes nothing', async () => {
    const before = await snapshot()
    expect(before).toContain(String(ids['invoices']))
    for (const route of WITH_ID) {
      const answer = await ask(strangers[who] ?? boundToAnother, route)
      // An empty body may be refused before anything is looked up.
      const expected = route.schemas.body === null ? [404] : [404, 422]
      expect(expected, route.operationId).toContain(answer.status)
    }
    expect(await snapshot()).toBe(before)
  })

  test('sees none of them in a list', async () => {
    const lists = ROUTES.filter(({ method, path }) => method === 'get' && !path.includes('{'))
    for (const route of lists.filter(({ access }) => access !== 'public')) {
      const answer = await (strangers[who] ?? boundToAnother).get(route.path)
      const text = answer.bytes.toString()
      for (const id of Object.values(ids)) expect(text, route.operationId).not.toContain(id)
    }
  })
})

test('a key that is bound to another customer meets 404, and sees none of it in a list', async () => {
  for (const route of WITH_ID.filter(({ path }) => OF_A_CUSTOMER.test(path))) {
    const answer = await ask(boundToAnother, route)
    // An empty body may be refused before anything is looked up.
    const refused = route.schemas.body === null ? [403, 404] : [403, 404, 422]
    const expected = route.method === 'get' ? [404] : refused
    expect(expected, route.operationId).toContain(answer.status)
  }
  const hidden = [
    ...['customers', 'orders', 'transactions', 'purchase-orders', 'invoices'],
    'credit-notes',
  ]
  for (const noun of hidden) {
    const text = (await boundToAnother.get(`/v2/${noun}`)).bytes.toString()
    for (const each of hidden) expect(text, noun).not.toContain(String(ids[each]))
  }
})
