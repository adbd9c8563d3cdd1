import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildSpec, Environment } from '../../cli/children.ts'
import { freePort } from '../../cli/ports.ts'
import { preparePostgres } from '../../cli/postgres.ts'
import { registerNames } from '../../cli/temporal-names.ts'
import { findOwnTemporal, temporalChild } from '../../cli/temporal.ts'
import { readEnv, toConfig, type Config } from '../../config.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { migrate } from '../../db/migrate.ts'
import { bundleWorkflows } from '../harness.ts'
import type { LinkName } from './links.ts'
import { pause, startMortal, type Mortal } from './mortal.ts'
import { openLink, type Link } from './proxy.ts'

export const VICTIMS = ['api', 'worker', 'postgres', 'temporal'] as const
export type Victim = (typeof VICTIMS)[number]

/** Everything that Bark is made of, each a process of its own, each link through a proxy. */
export type Cluster = {
  links: Record<LinkName, Link>
  mortals: Record<Victim, Mortal>
  /** Our own way to the database, around the proxies: for set-up and for the checker. */
  database: Database
  /** The same way, for connections of one's own. */
  databaseUrl: string
  keys: Config['keys']
  /** Through the proxy `client-api`. */
  apiUrl: string
  /** Through the proxy `worker-receiver`. */
  receiverUrl: string
  /** Around the proxies. */
  supplierControlUrl: string
  pspControlUrl: string
  receiverControlUrl: string
  temporalAddress: string
  /** All links pass again, all processes run, the API says that it is ready. */
  heal(): Promise<void>
  /** What the processes wrote since the start or the last `clearLog`. */
  log(): string[]
  clearLog(): void
  stop(): Promise<void>
}

const LOG_LINES_MAX = 50_000
const LOG_CHARACTERS_MAX = 4_000 // a line of Temporal's may carry a whole stack
const HEAL_MS_MAX = 60_000
/** Where the sandbox payment service tells the API what happened. */
export const PSP_EVENTS_PATH = '/psp/sandbox/events'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const KEEP_COMPILED = new URL('compile-cache.ts', import.meta.url).href

export type ClusterOptions = {
  /** The tree that API, worker and sandbox run from: another one where a bug is planted. */
  root?: string
  /** Connections that PostgreSQL allows in all. */
  env?: Environment
}

/** Starts a cluster. It takes a few seconds; use one for many faults, each with its own account. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const root = options.root ?? ROOT
  const folder = mkdtempSync(join(tmpdir(), 'bark-faults-'))
  chmodSync(folder, 0o755) // as root, PostgreSQL is another user and has to pass
  const env: Environment = { ...process.env, ...options.env }
  const started: Mortal[] = []
  const opened: Link[] = []
  let log: string[] = []
  const launch = async (spec: ChildSpec): Promise<Mortal> => {
    const mortal = await startMortal(spec, {
      line(name, text) {
        log.push(`${name} ${text}`.slice(0, LOG_CHARACTERS_MAX))
        if (log.length > LOG_LINES_MAX) log.shift()
      },
    })
    started.push(mortal)
    return mortal
  }
  const link = async (name: LinkName, port: number): Promise<Link> => {
    const one = await openLink(name, port)
    opened.push(one)
    return one
  }
  const stop = async (): Promise<void> => {
    for (const mortal of started.toReversed()) await mortal.stop()
    for (const one of opened) await one.close()
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const prepared = await preparePostgres(folder, { durable: false, env })
    const postgres = await launch(prepared.child)
    await prepared.prepareDatabase()
    await migrate(prepared.url)
    const through = ({ port }: Link): string => {
      const url = new URL(prepared.url)
      url.port = String(port)
      return url.href
    }

    const temporalPort = await freePort()
    const temporalPostgres = await link('temporal-postgres', prepared.port)
    const signal = new AbortController().signal
    const program = await findOwnTemporal(ROOT, env, { onProgress: () => undefined, signal })
    const temporal = await launch(
      temporalChild(program, {
        env,
        port: temporalPort,
        uiPort: null,
        databaseUrl: through(temporalPostgres),
        dataFolder: folder,
      }),
    )
    const temporalAddress = `127.0.0.1:${temporalPort}`
    await registerNames(temporalAddress, 'default')

    const ports = {
      supplier: await freePort(),
      receiver: await freePort(),
      psp: await freePort(),
      api: await freePort(),
    }
    const node = (name: string, file: string, settings: Environment): ChildSpec =>
      nodeProgram(root, name, file, { ...env, ...settings })
    await launch(
      node('supplier', 'sandbox/supplier.ts', {
        SANDBOX_SUPPLIER_PORT: String(ports.supplier),
        SANDBOX_SUPPLIER_DATA: join(folder, 'supplier.jsonl'),
      }),
    )
    await launch(
      node('receiver', 'sandbox/receiver.ts', {
        SANDBOX_RECEIVER_PORT: String(ports.receiver),
        SANDBOX_RECEIVER_DATA: join(folder, 'receiver.jsonl'),
      }),
    )
    const pspApi = await link('psp-api', ports.api)
    await launch(
      node('psp', 'sandbox/psp.ts', {
        SANDBOX_PSP_PORT: String(ports.psp),
        SANDBOX_PSP_DATA: join(folder, 'psp.jsonl'),
        SANDBOX_PSP_WEBHOOK_URL: `http://127.0.0.1:${pspApi.port}${PSP_EVENTS_PATH}`,
      }),
    )
    const clientApi = await link('client-api', ports.api)
    const workerReceiver = await link('worker-receiver', ports.receiver)
    const apiPostgres = await link('api-postgres', prepared.port)
    const workerPostgres = await link('worker-postgres', prepared.port)
    const workerTemporal = await link('worker-temporal', temporalPort)
    const workerSupplier = await link('worker-supplier', ports.supplier)
    const workerPsp = await link('worker-psp', ports.psp)
    const shared: Environment = {
      BARK_MODE: 'development',
      TEMPORAL_ADDRESS: `127.0.0.1:${workerTemporal.port}`,
      TEMPORAL_NAMESPACE: 'default',
      LOG_LEVEL: 'info',
    }
    const [api, worker] = await Promise.all([
      launch(
        node('api', 'server.ts', {
          ...shared,
          DATABASE_URL: through(apiPostgres),
          API_PORT: String(ports.api),
        }),
      ),
      launch(
        node('worker', 'worker.ts', {
          ...shared,
          DATABASE_URL: through(workerPostgres),
          SANDBOX_SUPPLIER_URL: `http://127.0.0.1:${workerSupplier.port}`,
          SANDBOX_PSP_URL: `http://127.0.0.1:${workerPsp.port}`,
          WORKFLOW_BUNDLE_PATH: await bundleWorkflows(root),
        }),
      ),
    ])
    const database = openDatabase({
      url: prepared.url,
      poolSizeMax: 4,
      applicationName: 'bark-checker',
      onError: () => undefined, // its server is one of the victims
    })

    const links = {
      'client-api': clientApi,
      'api-postgres': apiPostgres,
      'worker-postgres': workerPostgres,
      'worker-temporal': workerTemporal,
      'temporal-postgres': temporalPostgres,
      'worker-supplier': workerSupplier,
      'worker-receiver': workerReceiver,
      'worker-psp': workerPsp,
      'psp-api': pspApi,
    }
    const mortals = { api, worker, postgres, temporal }
    const apiUrl = `http://127.0.0.1:${clientApi.port}`
    return {
      links,
      mortals,
      database,
      databaseUrl: prepared.url,
      keys: toConfig(readEnv({ DATABASE_URL: prepared.url })).keys,
      apiUrl,
      receiverUrl: `http://127.0.0.1:${workerReceiver.port}`,
      supplierControlUrl: `http://127.0.0.1:${ports.supplier}`,
      pspControlUrl: `http://127.0.0.1:${ports.psp}`,
      receiverControlUrl: `http://127.0.0.1:${ports.receiver}`,
      temporalAddress,
      async heal() {
        for (const one of Object.values(links)) one.setMode({ kind: 'pass' })
        for (const mortal of Object.values(mortals)) {
          mortal.revive()
          mortal.resume()
        }
        for (const mortal of Object.values(mortals)) await mortal.up()
        const until = Date.now() + HEAL_MS_MAX
        while (!(await isReady(apiUrl))) {
          if (Date.now() > until) throw new Error('The API is not ready after a minute of healing')
          await pause(50)
        }
      },
      log: () => [...log],
      clearLog() {
        log = []
      },
      async stop() {
        await database.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** How the processes of Bark run here: from their tree, ended with us, ready by a line of their log. */
export function nodeProgram(root: string, name: string, file: string, env: Environment): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: [`--import=${KEEP_COMPILED}`, join(root, file)],
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'bark-compile-cache'), ...env },
    cwd: root,
    parentLink: 'ipc',
    stop: [{ signal: 'SIGTERM', secondsMax: 5 }],
    ready: 'ready-line',
    readySecondsMax: 60,
  }
}

async function isReady(apiUrl: string): Promise<boolean> {
  try {
    return (await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false // not yet; asked again
  }
}
