import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sql } from 'kysely'
import { sweepStories } from '../../db/sweep.ts'
import { inTransaction } from '../../db/client.ts'
import type { OutboxRow } from '../../db/outbox.ts'
import { describeStart, STORY_TYPES } from '../../workflow-starts.ts'
import { openShop, type OrderBody, type Shop } from '../api/v2/orders/shop.ts'

/** Nothing carries commands on here: what is swept is what was lost. */
let shop: Shop
beforeAll(async () => {
  shop = await openShop('sweep_stories')
  await shop.owner.post('/v2/webhooks', { url: 'https://example.com/hook', events: ['*'] })
})
afterAll(() => shop.stop())

const command = (verb: 'start' | 'signal') => sql<OutboxRow>`
  select id, account_id, verb, workflow, subject, signal, priority, attempts from outbox
  where verb = ${verb} order by workflow, id`

const commands = async (verb: 'start' | 'signal') =>
  (await command(verb).execute(shop.database.db)).rows

const sweep = () =>
  inTransaction(shop.database.db, (tx) => sweepStories(tx, { graceSeconds: 0, max: 100 }))

const lose = () => sql`delete from outbox`.execute(shop.database.db)

let order: OrderBody
let paymentId: string
beforeEach(async () => {
  order = (
    await shop.owner.post<OrderBody>('/v2/transactions', {
      customer_id: shop.customerId,
      items: [{ sku: shop.product.sku, quantity: 2 }],
    })
  ).body
  const intent = { amount: 1_500, currency: 'USD', payment_method: 'pm_card_visa' }
  paymentId = (await shop.owner.post<{ id: string }>('/v2/payments/intents', intent)).body.id
})

test('a lost command is given again, as it was, once', async () => {
  const given = (await commands('start')).map((row) => describeStart(row, undefined))
  expect(given.map(({ type }) => type)).toEqual([
    'deliverWebhook',
    'fulfillTransaction',
    'processPayment',
    'runPurchaseOrderDay',
  ])
  await lose()
  const swept = await sweep()
  expect(swept.map(({ story_id }) => story_id)).toEqual(
    expect.arrayContaining([order.id, order.purchase_order.id, paymentId]),
  )
  expect((await commands('start')).map((row) => describeStart(row, undefined))).toEqual(given)
  expect(await commands('signal')).toHaveLength(given.length)
  expect(await sweep()).toEqual([])
  await lose()
})

test('who waits for a later instant, or for a person, is left alone', async () => {
  await lose()
  await sql`
    insert into waits (story_id, account_id, workflow, subject, due_at, needs_person, reason)
    values (${order.id}, ${shop.account.accountId}, 'fulfillTransaction', '{}',
        clock_timestamp() + interval '1 hour', false, 'stock'),
      (${paymentId}, ${shop.account.accountId}, 'processPayment', '{}', null, true, 'a person')`.execute(
    shop.database.db,
  )
  const swept = (await sweep()).map(({ story_id }) => story_id)
  expect(swept).not.toContain(order.id)
  expect(swept).not.toContain(paymentId)
  expect(swept).toContain(order.purchase_order.id)
  await lose()
})

test('every kind of story can be swept', async () => {
  const { rows } = await sql<{ text: string }>`
    select pg_get_functiondef('open_stories'::regproc) as text`.execute(shop.database.db)
  const unswept = STORY_TYPES.filter((type) => !rows[0]?.text.includes(`'${type}'`))
  expect(unswept).toEqual(['sweep'])
})
