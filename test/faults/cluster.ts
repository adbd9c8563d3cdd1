import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild, type Child, type ChildSpec, type Environment } from '../../cli/children.ts'
import { freePort } from '../../cli/ports.ts'
import { preparePostgres } from '../../cli/postgres.ts'
import { registerNames } from '../../cli/temporal-names.ts'
import { findOwnTemporal, temporalChild } from '../../cli/temporal.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { migrate } from '../../db/migrate.ts'
import { bundleWorkflows } from '../harness.ts'
import { openLink, type Link } from './proxy.ts'

/** Everything that Bark is made of, each a process of its own, each link through a proxy. */
export type Cluster = {
  links: Record<LinkName, Link>
  /** Our own way to the database, around the proxies: for set-up and for the checker. */
  database: Database
  apiUrl: string
  supplierUrl: string
  receiverUrl: string
  /** kill -9; the supervisor starts it again. */
  kill(victim: Victim): void
  pause(victim: Victim): void
  resume(victim: Victim): void
  /** Restarts seen since the start, by process. */
  deaths(): Record<Victim, number>
  /** All links pass again, all processes run. */
  heal(): Promise<void>
  /** What the processes logged, for a failed run. */
  log(): string[]
  stop(): Promise<void>
}

export const VICTIMS = ['api', 'worker', 'postgres', 'temporal'] as const
export type Victim = (typeof VICTIMS)[number]

export const LINKS = [
  'client-api',
  'api-postgres',
  'worker-postgres',
  'worker-temporal',
  'temporal-postgres',
  'worker-supplier',
  'worker-receiver',
] as const
export type LinkName = (typeof LINKS)[number]

const LOG_LINES_MAX = 400
const HEAL_MS_MAX = 60_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Starts a cluster from the code below `root` (another clone where bugs are planted). */
export async function startCluster(options: { root?: string } = {}): Promise<Cluster> {
  const root = options.root ?? ROOT
  const folder = mkdtempSync(join(tmpdir(), 'bark-faults-'))
  chmodSync(folder, 0o755) // as root, PostgreSQL is another user and has to pass
  const signal = new AbortController().signal
  const env: Environment = { ...process.env }
  const children = new Map<string, Child>()
  const links = new Map<LinkName, Link>()
  const deaths: Record<string, number> = {}
  const log: string[] = []
  const events = {
    line(name: string, text: string) {
      log.push(`${name} ${text}`)
      if (log.length > LOG_LINES_MAX) log.shift()
    },
    died(name: string, how: string) {
      deaths[name] = (deaths[name] ?? 0) + 1
      log.push(`${name} ${how}`)
    },
    revived: (name: string) => log.push(`${name} runs again`),
  }
  const launch = async (spec: ChildSpec) => {
    children.set(spec.name, await startChild(spec, events, signal))
  }
  const link = async (name: LinkName, port: number) => {
    const opened = await openLink(name, port)
    links.set(name, opened)
    return opened.port
  }
  const program = (name: string, file: string, settings: Environment): ChildSpec => ({
    name,
    command: process.execPath,
    args: [join(root, file)],
    env: { ...env, ...settings },
    cwd: root,
    parentLink: 'ipc',
    stop: [{ signal: 'SIGTERM', secondsMax: 15 }],
    ready: 'ready-line',
    readySecondsMax: 60,
  })
  const stop = async () => {
    for (const child of [...children.values()].toReversed()) await child.stop()
    for (const opened of links.values()) await opened.close()
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const postgres = await preparePostgres(folder, { durable: false, env })
    await launch(postgres.child)
    await postgres.prepareDatabase()
    await migrate(postgres.url)
    const through = (port: number) => {
      const url = new URL(postgres.url)
      url.port = String(port)
      return url.href
    }

    const temporalPort = await freePort()
    const temporal = await findOwnTemporal(ROOT, env, { onProgress: () => undefined, signal })
    await launch(
      temporalChild(temporal, {
        env,
        port: temporalPort,
        uiPort: null,
        databaseUrl: through(await link('temporal-postgres', postgres.port)),
        dataFolder: folder,
      }),
    )
    await registerNames(`127.0.0.1:${temporalPort}`, 'default')

    const ports = { supplier: await freePort(), receiver: await freePort(), api: await freePort() }
    await launch(
      program('supplier', 'sandbox/supplier.ts', {
        SANDBOX_SUPPLIER_PORT: String(ports.supplier),
        SANDBOX_SUPPLIER_DATA: join(folder, 'supplier.jsonl'),
      }),
    )
    await launch(
      program('receiver', 'sandbox/receiver.ts', {
        SANDBOX_RECEIVER_PORT: String(ports.receiver),
        SANDBOX_RECEIVER_DATA: join(folder, 'receiver.jsonl'),
      }),
    )
    const shared: Environment = {
      BARK_MODE: 'development',
      TEMPORAL_ADDRESS: `127.0.0.1:${await link('worker-temporal', temporalPort)}`,
      TEMPORAL_NAMESPACE: 'default',
      LOG_LEVEL: 'warn',
    }
    await launch(
      program('api', 'server.ts', {
        ...shared,
        DATABASE_URL: through(await link('api-postgres', postgres.port)),
        API_PORT: String(ports.api),
      }),
    )
    await launch(
      program('worker', 'worker.ts', {
        ...shared,
        DATABASE_URL: through(await link('worker-postgres', postgres.port)),
        SANDBOX_SUPPLIER_URL: `http://127.0.0.1:${await link('worker-supplier', ports.supplier)}`,
        WORKFLOW_BUNDLE_PATH: await bundleWorkflows(root),
      }),
    )
    const apiPort = await link('client-api', ports.api)
    const receiverPort = await link('worker-receiver', ports.receiver)
    const database = openDatabase({
      url: postgres.url,
      poolSizeMax: 4,
      applicationName: 'bark-checker',
      onError: () => undefined,
    })

    const send = (victim: Victim, name: NodeJS.Signals) => {
      const pid = children.get(victim)?.pid
      if (pid !== null && pid !== undefined) process.kill(pid, name)
    }
    const opened = (name: LinkName): Link => {
      const found = links.get(name)
      if (found === undefined) throw new Error(`${name} is not open`)
      return found
    }
    return {
      links: {
        'client-api': opened('client-api'),
        'api-postgres': opened('api-postgres'),
        'worker-postgres': opened('worker-postgres'),
        'worker-temporal': opened('worker-temporal'),
        'temporal-postgres': opened('temporal-postgres'),
        'worker-supplier': opened('worker-supplier'),
        'worker-receiver': opened('worker-receiver'),
      },
      database,
      apiUrl: `http://127.0.0.1:${apiPort}`,
      supplierUrl: `http://127.0.0.1:${ports.supplier}`,
      receiverUrl: `http://127.0.0.1:${receiverPort}`,
      kill: (victim) => send(victim, 'SIGKILL'),
      pause: (victim) => send(victim, 'SIGSTOP'),
      resume: (victim) => send(victim, 'SIGCONT'),
      deaths: () => ({
        api: deaths['api'] ?? 0,
        worker: deaths['worker'] ?? 0,
        postgres: deaths['postgres'] ?? 0,
        temporal: deaths['temporal'] ?? 0,
      }),
      async heal() {
        for (const each of links.values()) each.setMode({ kind: 'pass' })
        for (const victim of VICTIMS) send(victim, 'SIGCONT')
        const until = Date.now() + HEAL_MS_MAX
        for (;;) {
          const down = VICTIMS.filter((victim) => children.get(victim)?.pid === null)
          if (down.length === 0 && (await answers(`http://127.0.0.1:${apiPort}/readyz`))) return
          if (Date.now() > until) throw new Error(`not healed; down: ${down.join(', ')}`)
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      },
      log: () => [...log],
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

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false // not yet; asked again
  }
}
