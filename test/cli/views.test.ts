import { afterAll, beforeAll, expect, test } from 'vitest'
import { listViews, run } from '../../cli/views.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import * as contract from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openPspGate, type PspGate } from '../payments/psp-gate.ts'
import { startPspProcess, type PspProcess } from '../sandbox/psp-process.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { commandContext } from './context.ts'

/** Each saved list has the stories it is for, and no others, as Temporal itself finds them. */
let stack: Stack
let shop: OpenShop
let receiver: Receiver
let psp: PspProcess
let gate: PspGate
let stories: Awaited<ReturnType<typeof begin>>

beforeAll(async () => {
  receiver = await startReceiver()
  psp = await startPspProcess()
  gate = await openPspGate(psp)
  stack = await startStack('views', { supplier: true, env: { SANDBOX_PSP_URL: gate.url } })
  shop = await openShop(stack)
  stories = await begin()
}, 120_000)
afterAll(async () => {
  await stack.stop()
  await gate.close()
  await psp.kill()
  await receiver.close()
})

/** A story for each list: none of them ends by itself while the test looks. */
async function begin() {
  const { client } = shop
  const make = async (path: string, body: object) => {
    const answer = await eventually(
      () => client.post<{ id: string }>(path, body),
      ({ status }) => status !== 503, // nobody had time, and nothing was written
    )
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.bytes}`)
    return answer.body.id
  }
  const pay = () =>
    make('/v2/payments/intents', { amount: 500, currency: 'usd', payment_method: 'pm_card_visa' })
  const paid = await pay()
  await eventually(
    () => client.get<{ status: string }>(`/v2/payments/intents/${paid}`),
    ({ body }) => body.status === 'succeeded',
  )
  gate.set('cut')
  const payment = await pay()
  const refund = await make(`/v2/payments/${paid}/refund`, {})

  receiver.script('/never', { answers: [{ status: 500 }] })
  await make('/v2/webhooks', { url: `${receiver.url}/never`, events: ['order.created'] })
  const none = await shop.supplied('TEST-OUT-OF-STOCK')
  const partial = await shop.order([
    { sku: shop.pooled.sku, quantity: 1 },
    { sku: none.sku, quantity: 1 },
  ])
  const [unit] = await eventually(
    async () => {
      type List = { codes: { unit_id: string; state: string }[] }
      const { body } = await client.get<List>(`/v2/transactions/${partial}/codes`)
      return body.codes
    },
    ([first]) => first?.state === 'available',
  )
  const claim = await make(`/v2/transactions/${partial}/units/${unit?.unit_id}/claim`, {
    reason: 'already redeemed',
  })
  const { rows } = await stack.database.pool.query<{ id: string }>('select id from deliveries')
  return {
    claim: contract.claimWorkflowId(claim),
    order: contract.transactionWorkflowId(partial),
    payment: contract.paymentWorkflowId(payment, 1),
    refund: contract.refundWorkflowId(refund, 1),
    webhook: contract.webhookWorkflowId(rows[0]?.id ?? ''),
  }
}

const MINUTES = 60_000
test.each([
  ['Needs operator', 0, () => [stories.claim]],
  ['Due within an hour', 0, () => [stories.order, stories.webhook]],
  ['Partial for over an hour', 0, () => []],
  ['Partial for over an hour', 61 * MINUTES, () => [stories.order]],
  ['Unknown payments and refunds', 0, () => [stories.payment, stories.refund]],
  ['Webhooks that fail, by endpoint (BarkEndpoint)', 0, () => [stories.webhook]],
  ['Webhooks open for more than two minutes', 0, () => []],
  ['Webhooks open for more than two minutes', 3 * MINUTES, () => [stories.webhook]],
])('"%s", looked at %i ms later, has what it is for and no more', async (name, laterMs, wanted) => {
  const view = listViews(new Date(Date.now() + laterMs)).find((one) => one.name === name)
  const query = `${view?.query} AND TaskQueue = "${stack.config.temporal.taskQueue}"`
  const found = await eventually(
    async () => {
      const ids: string[] = []
      for await (const one of stack.temporal.workflow.list({ query })) ids.push(one.workflowId)
      return ids.toSorted()
    },
    (ids) => ids.length >= wanted().length,
  )
  expect(found).toEqual(wanted().toSorted())
})

test('bark views prints every list as a link that holds its query whole', async () => {
  const spoken = commandContext(stack.config, { json: true })
  expect(await run([], spoken.context)).toBe(0)
  const printed = spoken.out.map(
    (line) => JSON.parse(line) as { name: string; query: string; url: string },
  )
  expect(printed.map(({ name }) => name)).toEqual(listViews(new Date()).map(({ name }) => name))
  for (const { query, url } of printed) {
    expect(new URL(url).searchParams.get('query')).toBe(query)
  }
})
