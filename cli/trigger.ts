import { parseArgs } from 'node:util'
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client'
import { z } from 'zod'
import { openDatabase } from '../db/client.ts'
import { getPaymentAccount } from '../db/payments.ts'
import { EVENT_TYPES, type EventType } from '../domain/event-type.ts'
import { cancelRemaining, transactionWorkflowId } from '../workflows/contract.ts'
import { openSandbox, type ApiClient } from './api-client.ts'
import { UsageError, type CommandContext } from './command.ts'
import type { Scene } from './event-act.ts'
import { EVENT_ACTS } from './event-acts.ts'
import { startAnswering } from './event-endpoint.ts'
import { payAtSandbox } from './payment-acts.ts'
import { until } from './until.ts'

const CAUSED = EVENT_TYPES.filter((type) => EVENT_ACTS[type] !== undefined)

export const help = `bark trigger EVENT [--sku SKU]
  Causes an event by its real act in the running sandbox account: an order is placed, a product is
  changed, a day is closed. Webhooks, GET /v2/events and bark webhooks listen hear of it as always.
  --sku  what is ordered where codes are needed (default: a product with codes in the pool)
Events that can be caused:
${CAUSED.map((type) => `  ${type}`).join('\n')}
Exit code 0 when the event is there.`

const eventShape = z.object({
  id: z.string(),
  type: z.string(),
  created_at: z.string(),
  data: z.object({ object: z.object({ id: z.string() }) }),
})
const eventList = z.object({ data: z.array(eventShape) })
const productShape = z.object({
  sku: z.string(),
  inventory: z.number(),
  variants: z.array(z.unknown()),
})

/** Each run is another event. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const { type, sku } = readArguments(args)
  const api = openSandbox(context)
  const act = EVENT_ACTS[type]
  if (act === undefined) throw new UsageError(`Nothing causes ${type} yet`)
  const scene: Scene = {
    api,
    stockedSku: sku ?? (await findStocked(api)),
    cancelRemaining: (transactionId) => cancelByOperator(context, transactionId),
    payPastUs: (paymentId) => payPastUs(context, paymentId),
    listen: startAnswering,
  }
  const { path, tidy } = await act.cause(scene)
  const event = await seeEvent(api, type, path)
  await tidy?.()
  if (context.json) context.out(JSON.stringify(event))
  else context.out(`${type}  ${event?.id}  ${path}`)
  return 0
}

function readArguments(args: string[]): { type: EventType; sku: string | undefined } {
  const { values, positionals } = parse(args)
  const [wanted, ...more] = positionals
  const type = EVENT_TYPES.find((each) => each === wanted)
  if (type === undefined || more.length > 0) {
    throw new UsageError(
      wanted === undefined ? 'Name an event, such as order.created' : `There is no event ${wanted}`,
    )
  }
  return { type, sku: values.sku }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { sku: { type: 'string' } } })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** A product that has codes itself, not only in its variants. */
async function findStocked(api: ApiClient): Promise<string> {
  const products = await api.list('/v2/products?status=active', productShape)
  const found = products.find(({ inventory, variants }) => inventory > 0 && variants.length === 0)
  if (found === undefined) throw new Error('No product has codes in the pool: bark codes import')
  return found.sku
}

/** The event once it is listed, which is when its transaction has surely been committed. */
async function seeEvent(api: ApiClient, type: EventType, path: string) {
  const objectId = (path.split('/').at(-1) ?? '').replace('ord_', 'txn_')
  const query = new URLSearchParams({ type, object_id: objectId })
  const { data } = await until(
    type,
    () => api.get(`/v2/events?${query.toString()}`, eventList),
    (seen) => seen.data.length > 0,
  )
  return data[0]
}

/** What an operator does in the Temporal web UI; waits until the workflow has begun. */
async function cancelByOperator(
  { config: { temporal } }: CommandContext,
  transactionId: string,
): Promise<void> {
  const connection = await Connection.connect({ address: temporal.address })
  try {
    const client = new Client({ connection, namespace: temporal.namespace })
    const handle = client.workflow.getHandle(transactionWorkflowId(transactionId))
    await until(
      'the workflow',
      () => handle.describe().catch(toNullWhenUnknown),
      (description) => description !== null,
    )
    await handle.executeUpdate(cancelRemaining, { args: [{ note: 'bark trigger' }] })
  } finally {
    await connection.close()
  }
}

/** What a colleague does in the provider's own dashboard: Bark hears of it by comparing. */
async function payPastUs({ config }: CommandContext, paymentId: string): Promise<void> {
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: 1,
    applicationName: 'bark-trigger',
    onError: () => undefined, // the statement that meets it says so
  })
  try {
    await payAtSandbox(config.payments.sandboxUrl, await getPaymentAccount(database.db, paymentId))
  } finally {
    await database.close()
  }
}

function toNullWhenUnknown(error: unknown): null {
  if (error instanceof WorkflowNotFoundError) return null
  throw error
}
