import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../../cli/children.ts'
import { freePort } from '../../../cli/ports.ts'
import { readEnv, toConfig } from '../../../config.ts'
import { openDatabase } from '../../../db/client.ts'
import { ROOT } from '../../../scripts/source-files.ts'
import { bundleWorkflows } from '../../harness.ts'
import { createTestDatabase, testTemporal } from '../../stack.ts'
import type { Place } from '../checker.ts'
import { nodeProgram, PSP_EVENTS_PATH } from '../cluster.ts'
import type { Stage } from '../merchant.ts'
import { startMortal, type Mortal } from '../mortal.ts'
import { openLink, type Link } from '../proxy.ts'

export const FLEET_LINKS = [
  'client-api',
  'api-postgres',
  'worker-postgres',
  'worker-temporal',
  'worker-supplier',
  'worker-receiver',
  'worker-psp',
  'psp-api',
] as const
export type FleetLink = (typeof FLEET_LINKS)[number]

/**
 * API, worker, supplier and receiver, each a process of its own and each link through a proxy, on
 * the PostgreSQL and Temporal that all tests share: a cluster without the two slow starters, for
 * faults that do not touch them.
 */
export type Fleet = Place &
  Stage & {
    links: Record<FleetLink, Link>
    mortals: Mortal[]
    /** Our own way to the database, around the proxies. */
    databaseUrl: string
    /** The API around its proxy, for loads that would measure the proxy. */
    apiDirectUrl: string
    /** Another API process beside the ones that run; answers its own URL. */
    startApi(env?: Environment): Promise<Mortal & { url: string }>
    /** Another worker, from this tree or from another one, behind the same proxies. */
    startWorker(options?: { root?: string; env?: Environment }): Promise<Mortal>
    /** Ends a worker as a deploy does: it finishes what it has begun. */
    retire(mortal: Mortal): Promise<void>
    stop(): Promise<void>
  }

export type FleetOptions = {
  /** Settings of every process of the product. */
  env?: Environment
  apiEnv?: Environment
  /** `false` starts no worker. */
  workerEnv?: Environment | false
  /** A database of its own instead of one on the shared server; it is migrated already. */
  databaseUrl?: string
}

const LOG_LINES_MAX = 20_000
const LOG_CHARACTERS_MAX = 4_000

/** Node options that load ./trouble.ts into a process. */
export function troubled(trouble: { clockMs?: number; onSignal?: string }): Environment {
  return {
    NODE_OPTIONS: `--import=${new URL('trouble.ts', import.meta.url).href}`,
    BARK_TROUBLE_CLOCK_MS: String(trouble.clockMs ?? 0),
    BARK_TROUBLE_ON_SIGNAL: trouble.onSignal ?? '',
  }
}

/** Give every file a name of its own; `stop()` in `afterAll`. */
export async function openFleet(name: string, options: FleetOptions = {}): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'bark-fleet-'))
  const own = options.databaseUrl === undefined ? await createTestDatabase(name) : null
  const databaseUrl = options.databaseUrl ?? own?.url ?? ''
  const { address } = testTemporal()
  const links: Link[] = []
  const mortals: Mortal[] = []
  const log: string[] = []

  const link = async (linkName: FleetLink, port: number): Promise<Link> => {
    const opened = await openLink(linkName, port)
    links.push(opened)
    return opened
  }
  const launch = async (
    processName: string,
    file: string,
    settings: Environment,
    root = ROOT,
  ): Promise<Mortal> => {
    const spec = nodeProgram(root, processName, file, { ...process.env, ...settings })
    const mortal = await startMortal(spec, {
      line(from, text) {
        log.push(`${from} ${text}`.slice(0, LOG_CHARACTERS_MAX))
        if (log.length > LOG_LINES_MAX) log.shift()
      },
    })
    mortals.push(mortal)
    return mortal
  }
  const stop = async (): Promise<void> => {
    await Promise.all(mortals.map((mortal) => mortal.stop()))
    await Promise.all(links.map((one) => one.close()))
    await own?.drop()
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const ports = {
      supplier: await freePort(),
      receiver: await freePort(),
      psp: await freePort(),
      api: await freePort(),
    }
    const pspApi = await link('psp-api', ports.api)
    await Promise.all([
      launch('supplier', 'sandbox/supplier.ts', {
        SANDBOX_SUPPLIER_PORT: String(ports.supplier),
        SANDBOX_SUPPLIER_DATA: join(folder, 'supplier.jsonl'),
      }),
      launch('receiver', 'sandbox/receiver.ts', {
        SANDBOX_RECEIVER_PORT: String(ports.receiver),
        SANDBOX_RECEIVER_DATA: join(folder, 'receiver.jsonl'),
      }),
      launch('psp', 'sandbox/psp.ts', {
        SANDBOX_PSP_PORT: String(ports.psp),
        SANDBOX_PSP_DATA: join(folder, 'psp.jsonl'),
        SANDBOX_PSP_WEBHOOK_URL: `http://127.0.0.1:${pspApi.port}${PSP_EVENTS_PATH}`,
      }),
    ])
    const postgresPort = Number(new URL(databaseUrl).port)
    const opened: Record<FleetLink, Link> = {
      'client-api': await link('client-api', ports.api),
      'api-postgres': await link('api-postgres', postgresPort),
      'worker-postgres': await link('worker-postgres', postgresPort),
      'worker-temporal': await link('worker-temporal', Number(address.split(':')[1])),
      'worker-supplier': await link('worker-supplier', ports.supplier),
      'worker-receiver': await link('worker-receiver', ports.receiver),
      'worker-psp': await link('worker-psp', ports.psp),
      'psp-api': pspApi,
    }
    const through = ({ port }: Link): string => {
      const url = new URL(databaseUrl)
      url.port = String(port)
      return url.href
    }
    const shared: Environment = {
      BARK_MODE: 'development',
      TEMPORAL_ADDRESS: `127.0.0.1:${opened['worker-temporal'].port}`,
      TEMPORAL_NAMESPACE: 'default',
      TEMPORAL_TASK_QUEUE: `fleet-${name}-${randomBytes(4).toString('hex')}`,
      TEMPORAL_SCHEDULES: 'false',
      LOG_LEVEL: 'info',
      ...options.env,
    }
    const startApi = async (env: Environment = {}, port?: number) => {
      const chosen = port ?? (await freePort())
      const mortal = await launch('api', 'server.ts', {
        ...shared,
        DATABASE_URL: through(opened['api-postgres']),
        API_PORT: String(chosen),
        ...env,
      })
      return Object.assign(mortal, { url: `http://127.0.0.1:${chosen}` })
    }
    const startWorker = async (from: { root?: string; env?: Environment } = {}) =>
      launch(
        'worker',
        'worker.ts',
        {
          ...shared,
          DATABASE_URL: through(opened['worker-postgres']),
          SANDBOX_SUPPLIER_URL: `http://127.0.0.1:${opened['worker-supplier'].port}`,
          SANDBOX_PSP_URL: `http://127.0.0.1:${opened['worker-psp'].port}`,
          WORKFLOW_BUNDLE_PATH: await bundleWorkflows(from.root),
          ...from.env,
        },
        from.root,
      )
    await Promise.all([
      startApi(options.apiEnv, ports.api),
      ...(options.workerEnv === false ? [] : [startWorker({ env: options.workerEnv ?? {} })]),
    ])
    const database = openDatabase({
      url: databaseUrl,
      poolSizeMax: 8,
      applicationName: 'bark-checker',
      onError: () => undefined, // its server may be one of the victims
    })
    return {
      links: opened,
      mortals,
      databaseUrl,
      apiDirectUrl: `http://127.0.0.1:${ports.api}`,
      database,
      keys: toConfig(readEnv({ DATABASE_URL: databaseUrl })).keys,
      apiUrl: `http://127.0.0.1:${opened['client-api'].port}`,
      receiverUrl: `http://127.0.0.1:${opened['worker-receiver'].port}`,
      supplierControlUrl: `http://127.0.0.1:${ports.supplier}`,
      pspControlUrl: `http://127.0.0.1:${ports.psp}`,
      receiverControlUrl: `http://127.0.0.1:${ports.receiver}`,
      temporalAddress: address,
      log: () => [...log],
      startApi: (env) => startApi(env),
      startWorker,
      async retire(mortal) {
        mortals.splice(mortals.indexOf(mortal), 1)
        await mortal.retire()
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
