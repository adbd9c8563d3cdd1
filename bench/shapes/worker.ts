import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Client } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { NativeConnection, Worker } from '@temporalio/worker'
import { z } from 'zod'
import { createWebhookDialer } from '../../activities/gateways/webhook-dialer.ts'
import { webhookActivities } from '../../activities/webhooks.ts'
import { readEnv, toConfig } from '../../config.ts'
import { openDatabase } from '../../db/client.ts'
import { billingDeps } from '../../test/billing.ts'
import type { DeliverWebhookInput } from '../../workflows/contract.ts'
import { inParallel } from '../load.ts'

/**
 * Makes webhook deliveries in one of three shapes, with the same claim, request and record in each.
 * Settings: PORT, and those of a worker.
 *
 *   POST /run?shape=loop|retries|direct  [{"accountId", "deliveryId"}]: answers the events of all
 *   histories, once each delivery has ended
 */

const IN_FLIGHT = 32 // as the dispatcher

const config = toConfig(readEnv(process.env))
const { taskQueue, outsideTaskQueue, address } = config.temporal
const database = openDatabase({
  url: config.database.url,
  poolSizeMax: config.database.poolSizeMax,
  applicationName: 'bark-bench-shapes',
  onError: () => undefined, // the next statement says it
})
const webhooks = createWebhookDialer(config.webhooks)
const real = webhookActivities({ ...billingDeps({ database, config }), webhooks })
const activities = {
  ...real,
  async attemptOrRetry(input: DeliverWebhookInput): Promise<void> {
    const step = await real.attemptDelivery(input)
    if (step.ended) return
    const dueAt = step.wait.dueAt === null ? Date.now() : Date.parse(step.wait.dueAt)
    throw ApplicationFailure.create({
      message: step.answer,
      nextRetryDelay: Math.max(0, dueAt - Date.now()),
    })
  },
}
const connection = await NativeConnection.connect({ address })
const client = new Client({ connection, namespace: config.temporal.namespace })
const shared = { connection, namespace: config.temporal.namespace, activities }
const workers = [
  await Worker.create({
    ...shared,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
    maxConcurrentWorkflowTaskExecutions: 32,
    maxCachedWorkflows: 600,
  }),
  await Worker.create({
    ...shared,
    taskQueue: outsideTaskQueue,
    maxConcurrentActivityTaskExecutions: 60,
  }),
]
const working = Promise.all(workers.map((worker) => worker.run()))

async function throughTemporal(workflow: string, input: DeliverWebhookInput): Promise<number> {
  const workflowId = `${workflow}/${input.deliveryId}`
  const handle = await client.workflow.start(workflow, {
    taskQueue,
    workflowId,
    args: [input],
    requestEagerStart: true,
  })
  await handle.result()
  return (await handle.describe()).historyLength
}

const SHAPES: Record<string, (input: DeliverWebhookInput) => Promise<number>> = {
  loop: (input) => throughTemporal('deliverWebhook', input),
  retries: (input) => throughTemporal('deliverByRetries', input),
  async direct(input) {
    const step = await real.attemptDelivery(input)
    return step.ended ? 0 : throughTemporal('deliverWebhook', input)
  },
}

const deliveries = z.array(z.object({ accountId: z.string(), deliveryId: z.string() }))

async function run(shape: string | null, body: string): Promise<{ events: number }> {
  const deliver = SHAPES[shape ?? '']
  if (deliver === undefined) throw new Error(`no shape ${shape}`)
  const inputs = deliveries.parse(JSON.parse(body))
  let events = 0
  await inParallel(inputs.length, IN_FLIGHT, async (n) => {
    const input = inputs[n]
    const more = input === undefined ? 0 : await deliver(input)
    events += more
  })
  return { events }
}

const server = createServer((request, response) => {
  const shape = new URL(request.url ?? '/', 'http://bench').searchParams.get('shape')
  text(request)
    .then((body) => run(shape, body))
    .then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
})
server.listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('{"msg":"ready"}'))
process.once('disconnect', () => {
  for (const worker of workers) worker.shutdown()
  server.closeAllConnections()
  server.close()
})
await working
await webhooks.close()
await connection.close()
await database.close()
