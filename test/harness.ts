import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { bundleWorkflowCode, Runtime } from '@temporalio/worker'
import type { Activities } from '../activities/index.ts'
import { readEnv, toConfig, type Config } from '../config.ts'
import { openDatabase, type Database } from '../db/client.ts'
import { createLog } from '../log.ts'
import { startApi } from '../server.ts'
import { startWorker, type RunningWorker } from '../worker.ts'
import { readyPort } from './ready-port.ts'
import { startPspProcess, type PspProcess } from './sandbox/psp-process.ts'
import { createTestDatabase, testTemporal } from './stack.ts'

/** The whole of Bark for one test file: own database, own task queue, API and worker in-process. */
export type Stack = {
  config: Config
  database: Database
  apiUrl: string
  temporal: Client
  /** With `psp: true`; throws where there is none. */
  psp(): PspProcess
  /** Stops the worker (as a deploy would) and starts one, if asked with other activities. */
  restartWorker(wrap?: (activities: Activities) => Activities): Promise<void>
  stopWorker(): Promise<void>
  stop(): Promise<void>
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** Starts what a file needs. Give every file a name of its own; `stop()` in `afterAll`. */
export async function startStack(
  name: string,
  options: {
    worker?: boolean
    api?: boolean
    supplier?: boolean
    /** Starts the sandbox payment service, which tells the API of what happens there. */
    psp?: boolean
    env?: Record<string, string>
    /** Everything that is logged, at every level, goes here instead of standard output. */
    logTo?: { write(line: string): void }
    wrap?: (activities: Activities) => Activities
  } = {},
): Promise<Stack> {
  const testDatabase = await createTestDatabase(name)
  const { address, namespace } = testTemporal()
  const supplier = options.supplier === true ? await startSupplier() : null
  const psp = options.psp === true ? await startPspProcess() : null
  const config = toConfig(
    readEnv({
      DATABASE_URL: testDatabase.url,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_TASK_QUEUE: `test-${name}-${randomBytes(4).toString('hex')}`,
      TEMPORAL_SCHEDULES: 'false',
      WORKFLOW_BUNDLE_PATH: options.worker === false ? '' : await bundleWorkflows(),
      API_PORT: '0',
      LOG_LEVEL: process.env['BARK_TEST_LOG_LEVEL'] ?? 'error',
      ...(supplier === null ? {} : { SANDBOX_SUPPLIER_URL: supplier.url }),
      ...(psp === null ? {} : { SANDBOX_PSP_URL: psp.url }),
      ...options.env,
    }),
  )
  const log =
    options.logTo === undefined
      ? createLog(`test-${name}`, config.log.level)
      : createLog(`test-${name}`, 'debug', options.logTo)
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: 8,
    applicationName: `test-${name}`,
    onError: () => undefined,
  })
  const api = options.api === false ? null : await startApi(config, log)
  if (psp !== null && api !== null) {
    await psp.register(`http://127.0.0.1:${api.port}/psp/sandbox/events`)
  }
  let worker: RunningWorker | null = null
  const stopWorker = async () => {
    await worker?.stop()
    worker = null
  }
  const restartWorker = async (wrap = options.wrap) => {
    await stopWorker()
    worker = await startWorker(config, log, wrap)
  }
  if (options.worker !== false) {
    quietRuntime()
    await restartWorker()
  }
  const connection = await Connection.connect({ address })
  return {
    config,
    database,
    apiUrl: api === null ? '' : `http://127.0.0.1:${api.port}`,
    temporal: new Client({ connection, namespace }),
    psp() {
      if (psp === null) throw new Error('This stack was started without psp: true')
      return psp
    },
    restartWorker,
    stopWorker,
    async stop() {
      await stopWorker()
      await api?.close()
      await connection.close()
      await database.close()
      await supplier?.stop()
      await psp?.kill()
      await testDatabase.drop()
    },
  }
}

/** Waits for what another process does. Asks again every 20 ms; fails with what it saw last. */
export async function eventually<T>(
  read: () => Promise<T>,
  isDone: (value: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const until = Date.now() + withinMs
  for (;;) {
    const value = await read()
    if (isDone(value)) return value
    if (Date.now() > until) {
      const seen = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part))
      throw new Error(`Not within ${withinMs} ms; last seen: ${seen}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

let runtimeInstalled = false

/** Installs the SDK without its log; once per process. */
export function quietRuntime(): void {
  if (runtimeInstalled) return
  runtimeInstalled = true
  Runtime.install({
    telemetryOptions: { logging: { filter: 'ERROR' } },
    logger: {
      log: () => undefined,
      trace: () => undefined,
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    },
    shutdownSignals: [],
  })
}

/** The workflow bundle, made once per content and kept below the temporary folder. */
export async function bundleWorkflows(from = root): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of ['workflows', 'domain']) {
    for (const name of readdirSync(join(from, folder)).sort()) {
      hash.update(name).update(readFileSync(join(from, folder, name)))
    }
  }
  const file = join(tmpdir(), `bark-workflows-${hash.digest('hex').slice(0, 20)}.js`)
  if (!existsSync(file)) {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(from, 'workflows', 'index.ts'),
      logger: {
        log: () => undefined,
        trace: () => undefined,
        debug: () => undefined,
        info: () => undefined,
        warn: () => undefined,
        error: () => undefined,
      },
    })
    const fresh = `${file}.${process.pid}`
    writeFileSync(fresh, code)
    renameSync(fresh, file)
  }
  return file
}

async function startSupplier(): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(root, 'sandbox', 'supplier.ts')], {
    env: { ...process.env, SANDBOX_SUPPLIER_PORT: '0', SANDBOX_SUPPLIER_DATA: '' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const port = await readyPort(child)
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}
