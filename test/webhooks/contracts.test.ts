import { Ajv2020 } from 'ajv/dist/2020.js'
import { default as addFormats } from 'ajv-formats'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildOpenApi } from '../../api/openapi.ts'
import { EVENT_OBJECTS } from '../../api/v2/webhooks/event-bodies.ts'
import { openApiClient } from '../../cli/api-client.ts'
import type { EventAct, Scene } from '../../cli/event-act.ts'
import { EVENT_ACTS } from '../../cli/event-acts.ts'
import {
  ADDITIVE_EVENT_TYPES,
  EVENT_SUBSCRIPTIONS,
  EVENT_TYPES,
  wantsEvent,
  type EventType,
} from '../../domain/event-type.ts'
import { payAtSandbox } from '../../cli/payment-acts.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { cancelRemaining, transactionWorkflowId } from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/** Every event that can happen is caused by its real act and arrives at a real endpoint. */

let stack: Stack
let receiver: Receiver
let shop: OpenShop
let scene: Scene
beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('webhook-contracts', {
    psp: true,
    env: { WEBHOOK_ALLOWED_PRIVATE_HOSTS: '127.0.0.1' },
  })
  shop = await openShop(stack)
  scene = {
    api: openApiClient(stack.apiUrl, shop.account.key),
    stockedSku: shop.pooled.sku,
    payPastUs: () => payAtSandbox(stack.psp().url, shop.account.accountId),
    async listen(status) {
      receiver.script(`/${status}`, { answers: [{ status }] })
      return { url: `${receiver.url}/${status}`, close: async () => undefined }
    },
    async cancelRemaining(transactionId) {
      const handle = stack.temporal.workflow.getHandle(transactionWorkflowId(transactionId))
      await eventually(
        () => handle.describe().catch(() => null),
        (description) => description !== null,
      )
      await handle.executeUpdate(cancelRemaining, { args: [{}] })
    },
  }
  await shop.client.post('/v2/webhooks', {
    url: `${receiver.url}/all`,
    events: ['*', ...ADDITIVE_EVENT_TYPES.filter((type) => type !== 'webhook.test')],
  })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

type Sent = {
  id: string
  type: string
  sequence: number
  created_at: string
  data: { object: Shown }
}
type Shown = Record<string, unknown> & { id: string; links?: Record<string, unknown> }

const openApi: unknown = JSON.parse(JSON.stringify(buildOpenApi()))
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addFormat('binary', true)
ajv.addSchema(Object(openApi), 'openapi')

/** What the OpenAPI document says against a body of that type; empty when it conforms. */
function refusals(type: string, body: unknown): unknown {
  const pointer = `openapi#/webhooks/${type}/post/requestBody/content/application~1json/schema`
  const validate = ajv.getSchema(pointer)
  if (validate === undefined) throw new Error(`${type} has no schema`)
  return validate(body) === true ? [] : validate.errors
}

const isTaken = (type: string, body: unknown) => JSON.stringify(refusals(type, body)) === '[]'

/** The bodies of a type about an object, as the endpoints got them: one, once it is there. */
async function sent(type: string, objectId: string): Promise<Sent> {
  const read = () =>
    receiver.requests
      .map((each): Sent => JSON.parse(each.body))
      .filter((event) => event.type === type && event.data.object.id === objectId)
  const [event, ...more] = await eventually(
    async () => read(),
    (events) => events.length > 0,
  )
  expect(more).toEqual([])
  return event as Sent
}

/** Without what differs by design: the link for operators, and what an act says changes later. */
const comparable = ({ links, ...object }: Shown, later: readonly string[] = []) => ({
  ...object,
  ...Object.fromEntries(later.map((field) => [field, 'changes later'])),
  ...(links === undefined ? {} : { links: { ...links, workflow: null } }),
})

test.each(Object.entries(EVENT_ACTS))('%s', async (type: string, { cause, later }: EventAct) => {
  const { path, tidy } = await cause(scene)
  const objectId = path.split('/').at(-1) ?? ''
  const event = await sent(type, objectId)
  expect(refusals(type, event)).toEqual([])
  const { body: now } = await shop.client.get<Shown>(path)
  expect(comparable(event.data.object, later)).toEqual(comparable(now, later))
  await tidy?.()
  const { body: listed } = await shop.client.get(`/v2/events/${event.id}`)
  expect(listed).toEqual(event)
})

test('an event that can happen has an act here, and the others are called planned', () => {
  const planned = EVENT_TYPES.filter((type) => EVENT_OBJECTS[type].planned === true)
  const acted = Object.keys(EVENT_ACTS)
  expect([...acted, ...planned].toSorted()).toEqual([...EVENT_TYPES].toSorted())
})

test('a schema refuses the event of another object, and one with anything missing', async () => {
  const caused = await EVENT_ACTS['product.created']?.cause(scene)
  const { body: product } = await shop.client.get<Shown>(caused?.path ?? '')
  const event = { ...(await sent('product.created', product.id)) }
  const taken = EVENT_TYPES.filter((type) => isTaken(type, { ...event, type }))
  expect(taken).toEqual(['product.created', 'product.updated', 'product.deleted'])
  for (const field of Object.keys(event)) {
    expect(refusals('product.created', { ...event, [field]: undefined }), field).not.toEqual([])
  }
})

test('the events of an order count from 1, and hold no code', async () => {
  const transactionId = await shop.order([{ sku: shop.pooled.sku, quantity: 2 }])
  await sent('codes.available', transactionId)
  await sent('order.fulfilled', transactionId.replace('txn_', 'ord_'))
  const sequences = receiver.requests
    .map((each): Sent => JSON.parse(each.body))
    .filter((event) => event.data.object.id.slice(4) === transactionId.slice(4))
    .map((event) => event.sequence)
  expect(sequences.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
  for (const code of shop.codes) expect(JSON.stringify(receiver.requests)).not.toContain(code)
})

test('the types here are those that SQL knows', async () => {
  const { rows } = await sql<{ type: EventType; additive: boolean }>`
    select type, additive from event_types`.execute(stack.database.db)
  expect(rows.map((row) => row.type).toSorted()).toEqual([...EVENT_TYPES].toSorted())
  const additive = rows.filter((row) => row.additive).map((row) => row.type)
  expect(additive.toSorted()).toEqual([...ADDITIVE_EVENT_TYPES].toSorted())
})

test('who hears of what is decided alike by the command line and by SQL', async () => {
  const { rows } = await sql<{ type: string; subscription: string; wants: boolean }>`
    select t.type, s.subscription, webhook_wants(array[s.subscription], t.type, t.additive) as wants
    from event_types t cross join unnest(${[...EVENT_SUBSCRIPTIONS]}::text[]) as s (subscription)
  `.execute(stack.database.db)
  expect(rows.length).toBe(EVENT_TYPES.length * EVENT_SUBSCRIPTIONS.length)
  const other = rows.filter((row) => wantsEvent([row.subscription], row.type) !== row.wants)
  expect(other).toEqual([])
})
