import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { sql } from 'kysely'
import type { Environment } from '../cli/children.ts'
import { freePort } from '../cli/ports.ts'
import { openScreen } from '../cli/screen.ts'
import { startTestPair } from '../cli/test-pair.ts'
import { readEnv, toConfig, type Config } from '../config.ts'
import { openDatabase, type Database } from '../db/client.ts'
import { bundleWorkflows } from '../test/harness.ts'
import { createTestDatabase } from '../test/stack.ts'
import { processTree, type Watched } from './processes.ts'
import { startProgram, type Program } from './program.ts'
import { makeShopRows, openBenchShop, type BenchShop, type ShopRows } from './shop.ts'

/** PostgreSQL and Temporal for one run. */
export type Servers = {
  /** A database of its own with a shop in it: what one figure leaves behind, no other one meets. */
  openStage(): Promise<Stage>
  /** A copy of a stage and all its rows. Nothing may be connected to the original meanwhile. */
  copyStage(original: Stage): Promise<Stage>
  stop(): Promise<void>
}

/** Where one figure is measured. */
export type Stage = {
  name: string
  rows: ShopRows
  config: Config
  database: Database
  shop: BenchShop
  temporal: Client
  /** What autovacuum does within a minute: the planner learns how much the tables hold. */
  analyze(): Promise<void>
  /** Starts a program with the settings that lead it to the servers; `file` from the tree's top. */
  start(file: string, options?: ProgramOptions): Promise<Program & { url: string }>
  /** The two servers with all their processes, for readings of processor time. */
  watched: Watched & { postgres: () => number[]; temporal: () => number[] }
  /** Ends the programs that still run, and our own connections. */
  close(): Promise<void>
}

type ProgramOptions = { settings?: Environment; args?: string[]; cwd?: string }

const ROOT = join(import.meta.dirname, '..')
const POOL_SIZE = '16' // the product's default, and so that of every bare program

/**
 * Starts both on free ports, with their data below the temporary folder; PostgreSQL writes durably, as
 * in production. `stop` ends all that was started.
 */
export async function startServers(): Promise<Servers> {
  const giveUp = new AbortController()
  const pair = await startTestPair(
    { root: ROOT, env: process.env, out: console.log, err: console.error },
    openScreen(process.stdout, giveUp.signal),
    giveUp,
    { durable: true },
  )
  Object.assign(process.env, pair.variables) // where createTestDatabase looks
  const address = pair.variables.BARK_TEST_TEMPORAL_ADDRESS
  const shared: Environment = {
    ...process.env,
    DATABASE_POOL_SIZE_MAX: POOL_SIZE,
    POOL_SIZE,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_SCHEDULES: 'false',
    WORKFLOW_BUNDLE_PATH: await bundleWorkflows(),
    LOG_LEVEL: 'info',
  }
  const connection = await Connection.connect({ address })
  const stages = new Set<Stage>()

  async function open(original: Stage | null): Promise<Stage> {
    const { url } = await createTestDatabase('bench', original?.name)
    const name = new URL(url).pathname.slice(1)
    // Workers of different stages must not take each other's work.
    const environment = { ...shared, DATABASE_URL: url, TEMPORAL_TASK_QUEUE: name }
    const config = toConfig(readEnv(environment))
    const database = openDatabase({
      url,
      poolSizeMax: 16,
      applicationName: 'bark-bench',
      onError: () => undefined, // the next statement says it
    })
    const rows = original?.rows ?? (await makeShopRows(database))
    const programs: Program[] = []
    const stage: Stage = {
      name,
      rows,
      config,
      database,
      shop: openBenchShop(database, config, rows),
      temporal: new Client({ connection, namespace: config.temporal.namespace }),
      watched: {
        postgres: () => processTree(pair.pids().postgres),
        temporal: () => processTree(pair.pids().temporal),
      },
      async analyze() {
        await sql`analyze`.execute(database.db)
      },
      async start(file, { settings = {}, args = [], cwd = ROOT } = {}) {
        const port = String(await freePort())
        const program = await startProgram(join(ROOT, file), {
          env: { ...environment, PORT: port, API_PORT: port, ...settings },
          logFile: join(pair.folder, `${file.replaceAll('/', '-')}-${port}.log`),
          args,
          cwd,
        })
        programs.push(program)
        return { ...program, url: `http://127.0.0.1:${port}` }
      },
      async close() {
        for (const program of programs) await program.stop()
        await database.close()
        stages.delete(stage)
      },
    }
    stages.add(stage)
    return stage
  }

  return {
    openStage: () => open(null),
    copyStage: (original) => open(original),
    async stop() {
      for (const stage of stages) await stage.close()
      await connection.close()
      await pair.stop()
    },
  }
}
