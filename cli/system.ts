import { join } from 'node:path'
import { readEnv, toConfig, type Config } from '../config.ts'
import { migrate } from '../db/migrate.ts'
import { allOrNone } from './all-or-none.ts'
import {
  startChild,
  type Child,
  type ChildEvents,
  type ChildSpec,
  type Environment,
} from './children.ts'
import type { LaunchContext } from './command.ts'
import { createDatabase } from './database.ts'
import { choosePorts, type Ports } from './ports.ts'
import { preparePostgres } from './postgres.ts'
import { nodeProgram } from './programs.ts'
import type { ProcessName, Running } from './running.ts'
import type { Screen } from './screen.ts'
import { seedSandbox } from './seed.ts'
import type { StartOptions } from './start-options.ts'
import { registerNames } from './temporal-names.ts'
import { findTemporal, temporalChild, type TemporalProgram } from './temporal.ts'
import { ensureWorkflowBundle } from './workflow-bundle.ts'

/** Everything that belongs to one start. */
export type Launch = {
  context: LaunchContext
  options: StartOptions
  screen: Screen
  events: ChildEvents
  /** Aborted by a signal or by the first failure: then nothing more is started. */
  giveUp: AbortController
  /** In the order in which they became ready; to be stopped in reverse, also after a failure. */
  children: Child[]
  /** A system that already runs on this data folder, whose servers `--only` uses. */
  beside: Running | null
}

export type System = { config: Config; running(): Running }

type Seeds = Awaited<ReturnType<typeof seedSandbox>>

/**
 * Starts what the options ask for, in three rounds: what stands alone, what needs the database, our
 * own programs. Rejects with the first failure.
 */
export async function startSystem(launch: Launch): Promise<System> {
  const { options, giveUp, context, beside } = launch
  const wantsWorker = options.only !== 'api'
  const ports = await choosePorts(options.port ?? numberIn(context.env['API_PORT']))
  const nothing = Promise.resolve(null)
  const givenTemporal = context.env['TEMPORAL_ADDRESS'] || beside?.temporal_address

  const [databaseUrl, program, bundle, supplier, psp] = await allOrNone(giveUp, [
    startDatabase(launch),
    wantsWorker && !givenTemporal ? searchTemporal(launch) : nothing,
    wantsWorker ? bundleWorkflows(launch) : nothing,
    options.only === undefined ? startSupplier(launch, ports.supplier) : nothing,
    options.only === undefined ? startPsp(launch, ports) : nothing,
  ])

  const temporalAddress = givenTemporal || (program === null ? null : `127.0.0.1:${ports.temporal}`)
  const env: Environment = {
    ...settingsBeside(beside),
    API_PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
    ...(supplier === null ? {} : { SANDBOX_SUPPLIER_URL: supplier }),
    ...(psp === null ? {} : { SANDBOX_PSP_URL: psp }),
    ...(program === null ? {} : { TEMPORAL_UI_URL: `http://127.0.0.1:${ports.temporalUi}` }),
    ...context.env,
    API_PORT: String(ports.api),
    ...(bundle === null ? {} : { WORKFLOW_BUNDLE_PATH: bundle }),
    ...(temporalAddress === null ? {} : { TEMPORAL_ADDRESS: temporalAddress }),
    DATABASE_URL: databaseUrl,
  }
  const config = toConfig(readEnv(env))

  const [seeds] = await allOrNone(giveUp, [
    prepareData(launch, config),
    wantsWorker ? prepareTemporal(launch, config, program, ports) : nothing,
  ])
  await allOrNone(giveUp, [
    options.only === 'worker' ? nothing : startProgram(launch, 'api', 'server.ts', env),
    wantsWorker ? startProgram(launch, 'worker', 'worker.ts', env) : nothing,
  ])
  return { config, running: () => describe(launch, config, seeds) }
}

function startDatabase(launch: Launch): Promise<string> {
  const { context, options, screen, beside } = launch
  const given = context.env['DATABASE_URL'] || beside?.database_url
  if (given) {
    const work = async () => {
      await createDatabase(given)
      return given
    }
    const { host, pathname } = new URL(given)
    return explained(
      `The database ${host}${pathname} of DATABASE_URL cannot be used`,
      screen.step('PostgreSQL', work, () => `${host}, as given`),
    )
  }
  let version = ''
  const work = async () => {
    const postgres = await preparePostgres(options.dataFolder, { durable: true, env: context.env })
    version = postgres.version
    await start(launch, postgres.child)
    await postgres.prepareDatabase()
    return postgres.url
  }
  return screen.step('PostgreSQL', work, (url) => `${version} on ${new URL(url).host}`)
}

function searchTemporal({ context, screen, giveUp }: Launch): Promise<TemporalProgram> {
  const work = (onProgress: (text: string) => void) =>
    findTemporal(context.root, context.env, { onProgress, signal: giveUp.signal })
  return screen.step('Temporal found', work, ({ from }) => from)
}

function bundleWorkflows({ context, options, screen, giveUp }: Launch): Promise<string> {
  return screen.step('Workflows', () =>
    ensureWorkflowBundle(context.root, options.dataFolder, {
      env: context.env,
      signal: giveUp.signal,
    }),
  )
}

/** The pretend outside world; null where one is named in the settings or none is wanted. */
async function startSupplier(launch: Launch, port: number): Promise<string | null> {
  const { env } = launch.context
  if (env['SANDBOX_SUPPLIER_URL'] || env['BARK_MODE'] === 'production') return null
  await startProgram(launch, 'supplier', 'sandbox/supplier.ts', {
    ...env,
    SANDBOX_SUPPLIER_PORT: String(port),
    SANDBOX_SUPPLIER_DATA: join(launch.options.dataFolder, 'supplier.json'),
  })
  return `http://127.0.0.1:${port}`
}

/** The pretend payment service, which tells the API of what happens there. */
async function startPsp(launch: Launch, ports: Ports): Promise<string | null> {
  const { env } = launch.context
  if (env['SANDBOX_PSP_URL'] || env['BARK_MODE'] === 'production') return null
  await startProgram(launch, 'psp', 'sandbox/psp.ts', {
    ...env,
    SANDBOX_PSP_PORT: String(ports.psp),
    SANDBOX_PSP_DATA: join(launch.options.dataFolder, 'psp.json'),
    SANDBOX_PSP_WEBHOOK_URL: `http://127.0.0.1:${ports.api}/psp/sandbox/events`,
  })
  return `http://127.0.0.1:${ports.psp}`
}

/** The schema, and what a newcomer finds in it. Null without sandbox data. */
async function prepareData(launch: Launch, config: Config): Promise<Seeds | null> {
  const { options, screen } = launch
  await screen.step(
    'Schema',
    () => migrate(config.database.url),
    ({ applied }) => (applied.length === 0 ? 'current' : `${applied.length} changes applied`),
  )
  const wanted = options.seed && options.only === undefined && config.mode === 'development'
  if (!wanted) return null
  return screen.step('Sandbox data', () => seedSandbox(config, options.dataFolder))
}

async function prepareTemporal(
  launch: Launch,
  config: Config,
  program: TemporalProgram | null,
  ports: Ports,
): Promise<void> {
  const { address, namespace } = config.temporal
  await launch.screen.step(
    'Temporal',
    async () => {
      if (program !== null) {
        const place = {
          env: launch.context.env,
          port: ports.temporal,
          uiPort: ports.temporalUi,
          databaseUrl: config.database.url,
          dataFolder: launch.options.dataFolder,
        }
        await start(launch, temporalChild(program, place))
      }
      await explained(
        `The Temporal server on ${address} cannot be used`,
        registerNames(address, namespace),
      )
    },
    () => (program === null ? `${address}, as given` : `on ${address}`),
  )
}

/** Adds what it is about to an error that only says "connection refused". */
async function explained<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

async function startProgram(
  launch: Launch,
  name: 'api' | 'worker' | 'supplier' | 'psp',
  file: string,
  env: Environment,
): Promise<void> {
  const { root } = launch.context
  const labels = { api: 'API', worker: 'Worker', supplier: 'Supplier', psp: 'Payments' }
  await launch.screen.step(labels[name], () => start(launch, nodeProgram(name, file, root, env)))
}

async function start(launch: Launch, spec: ChildSpec): Promise<void> {
  launch.children.push(await startChild(spec, launch.events, launch.giveUp.signal))
}

function describe(launch: Launch, config: Config, seeds: Seeds | null): Running {
  const pid = (name: ProcessName) =>
    launch.children.find((child) => child.name === name)?.pid ?? null
  const has = (name: ProcessName) => launch.children.some((child) => child.name === name)
  const api = has('api') ? `http://127.0.0.1:${config.api.port}` : null
  const page = (path: string) => (api === null ? null : `${api}/${path}`)
  const temporal = launch.options.only !== 'api'
  const supplier = has('supplier') || launch.context.env['SANDBOX_SUPPLIER_URL']
  const psp = has('psp') || launch.context.env['SANDBOX_PSP_URL']
  return {
    api,
    docs: page('docs'),
    temporal_address: temporal ? config.temporal.address : null,
    temporal_namespace: config.temporal.namespace,
    temporal_ui: temporal ? config.temporal.uiUrl : null,
    database_url: config.database.url,
    finance: page('finance'),
    inbox: config.mode === 'development' ? page('inbox') : null,
    sandbox: {
      supplier: supplier ? config.supplier.sandboxUrl : null,
      psp: psp ? config.payments.sandboxUrl : null,
    },
    keys: { account: seeds?.keys.account ?? null, customer: seeds?.keys.customer ?? null },
    account_id: seeds?.accountId ?? null,
    customer_ids: seeds?.customerIds ?? [],
    pids: {
      api: pid('api'),
      worker: pid('worker'),
      temporal: pid('temporal'),
      postgres: pid('postgres'),
      supplier: pid('supplier'),
      psp: pid('psp'),
    },
  }
}

/** One more process beside a running system speaks of the same Temporal page and supplier. */
function settingsBeside(beside: Running | null): Environment {
  const page = beside?.temporal_ui ?? null
  const supplier = beside?.sandbox.supplier ?? null
  const psp = beside?.sandbox.psp ?? null
  return {
    ...(page === null ? {} : { TEMPORAL_UI_URL: page }),
    ...(supplier === null ? {} : { SANDBOX_SUPPLIER_URL: supplier }),
    ...(psp === null ? {} : { SANDBOX_PSP_URL: psp }),
  }
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text)
}
