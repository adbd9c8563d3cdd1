import { fileURLToPath } from 'node:url'
import { Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client'
import {
  NativeConnection,
  Runtime,
  Worker,
  type ActivityInterceptorsFactory,
  type WorkerOptions,
} from '@temporalio/worker'
import { createMailer } from './activities/gateways/mailer.ts'
import { createSuppliers } from './activities/gateways/suppliers.ts'
import { readTaxPolicies } from './activities/gateways/tax-policies.ts'
import type { PaymentProvider } from './activities/gateways/payment-provider.ts'
import { createStripeProvider } from './activities/gateways/stripe-provider.ts'
import { createWebhookDialer } from './activities/gateways/webhook-dialer.ts'
import { openPress } from './documents/press.ts'
import { createStockWatch } from './activities/stock-watch.ts'
import type { ActivityDeps } from './activities/deps.ts'
import { createActivities, type Activities } from './activities/index.ts'
import { readEnv, toConfig, type Config } from './config.ts'
import { openDatabase } from './db/client.ts'
import { startDispatcher } from './dispatcher.ts'
import { createLocalKeyProvider } from './secrets/key-provider.ts'
import { createKeyRing, type KeyRing } from './secrets/key-ring.ts'
import { createLog, type Log } from './log.ts'
import { SWEEP_SCHEDULE_ID } from './workflows/contract.ts'

// One activity holds one connection at most; the dispatcher's two rounds and the clocks need three.
const SQL_ACTIVITIES_MAX = 12
const OUTSIDE_ACTIVITIES_MAX = 60 // they wait for others far more than they work
const CACHED_WORKFLOWS_MAX = 600 // about 0.2 MB each (docs/decisions/0035)
const SHUTDOWN_GRACE = '10s'

export type RunningWorker = { stop(): Promise<void>; failed: Promise<never> }

/**
 * Composition root: database, outside parties, activities, two task queues, dispatcher. Stateless;
 * any number of them may run. `wrapActivities` is where tests repeat and break every step.
 */
export async function startWorker(
  config: Config,
  log: Log,
  wrapActivities: (activities: Activities) => Activities = (activities) => activities,
): Promise<RunningWorker> {
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: config.database.poolSizeMax,
    applicationName: 'bark-worker',
    onError: (error) => log.warn({ error }, 'database connection lost'),
  })
  const connection = await NativeConnection.connect({ address: config.temporal.address })
  const client = new Client({ connection, namespace: config.temporal.namespace })
  const ring = createKeyRing(database.db, createLocalKeyProvider(config.keys.encryption))
  const gateways = openGateways(config, ring)
  const stock = createStockWatch({ database, log })
  const press = openPress()
  const activities = wrapActivities(
    createActivities({
      database,
      keys: { ring, blindIndex: config.keys.blindIndex },
      log,
      stock,
      press,
      ...gateways.ports,
      ...outsideParties(config),
    }),
  )
  const { inside, outside } = await createWorkers(config, connection, activities)
  const running = Promise.all([inside.run(), outside.run()])
  if (config.temporal.schedules) await ensureSweep(client, config)
  const dispatcher = startDispatcher({
    db: database.db,
    databaseUrl: config.database.url,
    client,
    taskQueue: config.temporal.taskQueue,
    apiUrl: config.api.publicUrl,
    log,
  })
  return {
    failed: running.then(() => new Promise<never>(() => undefined)),
    async stop() {
      await dispatcher.stop()
      inside.shutdown()
      outside.shutdown()
      await running
      await stock.close()
      await press.close()
      await gateways.close()
      await connection.close()
      await database.close()
    },
  }
}

/** The post, where finance looks, and by whose rules supplies are taxed. */
function outsideParties(
  config: Config,
): Pick<ActivityDeps, 'mailer' | 'taxPolicies' | 'financePagesUrl'> {
  const { policiesFile } = config.tax
  const { publicUrl } = config.api
  return {
    ...(publicUrl === undefined ? {} : { financePagesUrl: `${publicUrl}/finance` }),
    mailer: createMailer({ smtpUrl: config.mail.smtpUrl, from: config.mail.from }),
    ...(policiesFile === undefined ? {} : { taxPolicies: readTaxPolicies(policiesFile) }),
  }
}

/** One worker for workflows and SQL, one for whatever may be slow. */
async function createWorkers(
  config: Config,
  connection: NativeConnection,
  activities: Activities,
): Promise<{ inside: Worker; outside: Worker }> {
  const { temporal } = config
  const shared = {
    connection,
    namespace: temporal.namespace,
    activities,
    shutdownGraceTime: SHUTDOWN_GRACE,
    interceptors: { activity: [sayAlive] },
    ...deploymentOf(config),
  }
  const inside = await Worker.create({
    ...shared,
    ...(temporal.bundlePath === undefined
      ? { workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)) }
      : { workflowBundle: { codePath: temporal.bundlePath } }),
    taskQueue: temporal.taskQueue,
    maxConcurrentWorkflowTaskExecutions: temporal.workflowTasksMax,
    maxConcurrentActivityTaskExecutions: SQL_ACTIVITIES_MAX,
    maxConcurrentLocalActivityExecutions: SQL_ACTIVITIES_MAX,
    maxCachedWorkflows: CACHED_WORKFLOWS_MAX,
  })
  const outside = await Worker.create({
    ...shared,
    taskQueue: temporal.outsideTaskQueue,
    maxConcurrentActivityTaskExecutions: OUTSIDE_ACTIVITIES_MAX,
  })
  return { inside, outside }
}

/**
 * With a build id Temporal gives this worker work only once its build is in use (`bark workers use`).
 * Stories under way go on with the build that is in use (docs/decisions/0014). No workflow says so
 * itself: Temporal takes no step of it then from a worker without a build id.
 */
function deploymentOf({ temporal }: Config): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  const { buildId, deploymentName } = temporal
  if (buildId === undefined) return {}
  return {
    workerDeploymentOptions: {
      version: { deploymentName, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  }
}

/** The outside parties, each behind its port. */
function openGateways(config: Config, ring: KeyRing) {
  const webhooks = createWebhookDialer(config.webhooks)
  const suppliers = createSuppliers({
    sandboxUrl: config.supplier.sandboxUrl,
    allowedPrivateHosts: config.supplier.allowedPrivateHosts,
    ring,
  })
  const payments = openPayments(config.payments)
  return {
    ports: {
      webhooks,
      suppliers: suppliers.connect,
      payments: payments.of,
    },
    async close() {
      await webhooks.close()
      await suppliers.close()
      await payments.close()
    },
  }
}

/** Test accounts pay at the sandbox, live accounts at Stripe, where there is a key for it. */
function openPayments(settings: Config['payments']) {
  const { callsPerSecondMax, callMsMax, stripeSecretKey } = settings
  const limits = { callsPerSecondMax, callMsMax }
  const sandbox = createStripeProvider({
    ...limits,
    secretKey: 'sk_test_sandbox',
    url: settings.sandboxUrl,
    sandbox: true,
  })
  const stripe =
    stripeSecretKey === undefined
      ? null
      : createStripeProvider({ ...limits, secretKey: stripeSecretKey, sandbox: false })
  return {
    of(mode: 'live' | 'test'): PaymentProvider {
      if (mode === 'test') return sandbox
      if (stripe === null) throw new Error('STRIPE_SECRET_KEY is not set: live accounts cannot pay')
      return stripe
    },
    async close() {
      await sandbox.close()
      await stripe?.close()
    },
  }
}

/**
 * A running activity says again and again that its process lives. So after a kill another worker
 * takes it over within the heartbeat time-out, and not when all the time that it may take is over.
 */
const sayAlive: ActivityInterceptorsFactory = (context) => ({
  inbound: {
    async execute(input, next) {
      const timeoutMs = context.info.heartbeatTimeoutMs ?? 0
      if (timeoutMs === 0) return next(input)
      const timer = setInterval(() => context.heartbeat(), timeoutMs / 4)
      try {
        return await next(input)
      } finally {
        clearInterval(timer)
      }
    },
  },
})

/** The schedule is made once and belongs to the namespace; a second worker finds it there. */
async function ensureSweep(client: Client, config: Config): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: SWEEP_SCHEDULE_ID,
      spec: { intervals: [{ every: '1m' }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      action: {
        type: 'startWorkflow',
        workflowType: 'sweep',
        workflowId: 'sweep',
        taskQueue: config.temporal.taskQueue,
        args: [],
      },
    })
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error
  }
}

async function main(): Promise<void> {
  const config = toConfig(readEnv(process.env))
  const log = createLog('worker', config.log.level)
  Runtime.install({ logger: { ...temporalLogger(log) }, shutdownSignals: [] })
  const worker = await startWorker(config, log)
  log.info({ taskQueue: config.temporal.taskQueue }, 'ready')
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    process.once('disconnect', () => resolve())
  })
  await Promise.race([stopped, worker.failed])
  await worker.stop()
  // A channel to the parent keeps a process alive for as long as somebody listens on it.
  if (process.connected) process.disconnect()
}

/** The SDK's own log, in ours; its lines name workflows and task queues and hold no payloads. */
function temporalLogger(log: Log) {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, meta?: object): void =>
      log[level]({ ...meta }, message)
  const levels = {
    TRACE: write('debug'),
    DEBUG: write('debug'),
    INFO: write('debug'),
    // It also warns that the outside queue has no workflows, which is how it is meant.
    WARN: (message: string, meta?: object) =>
      write(message.startsWith('No workflows registered') ? 'debug' : 'warn')(message, meta),
    ERROR: write('error'),
  }
  return {
    log: (level: keyof typeof levels, message: string, meta?: object) =>
      levels[level](message, meta),
    trace: levels.TRACE,
    debug: levels.DEBUG,
    info: levels.INFO,
    warn: levels.WARN,
    error: levels.ERROR,
  }
}

if (import.meta.main) await main()
