import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import type { Environment } from '../cli/children.ts'
import { freePort } from '../cli/ports.ts'
import { openScreen } from '../cli/screen.ts'
import { startTestPair } from '../cli/test-pair.ts'
import { readEnv, toConfig, type Config } from '../config.ts'
import { openDatabase, type Database } from '../db/client.ts'
import { bundleWorkflows } from '../test/harness.ts'
import { createTestDatabase } from '../test/stack.ts'
import { processTree, type Watched } from './processor-time.ts'
import { startProgram, type Program } from './program.ts'

/** PostgreSQL and Temporal for one run, and the programs that are measured on them. */
export type Servers = {
  config: Config
  database: Database
  temporal: Client
  /** Starts a program of the tree with the settings that lead it to the servers, and `settings`. */
  start(file: string, settings?: Environment): Promise<Program & { url: string }>
  /** The two servers with all their processes, for readings of processor time. */
  watched: Watched & { postgres: () => number[]; temporal: () => number[] }
  stop(): Promise<void>
}

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
  const { url } = await createTestDatabase('bench')
  const environment: Environment = {
    ...process.env,
    DATABASE_URL: url,
    DATABASE_POOL_SIZE_MAX: POOL_SIZE,
    POOL_SIZE,
    TEMPORAL_ADDRESS: pair.variables.BARK_TEST_TEMPORAL_ADDRESS,
    TEMPORAL_SCHEDULES: 'false',
    WORKFLOW_BUNDLE_PATH: await bundleWorkflows(),
    LOG_LEVEL: 'info',
  }
  const config = toConfig(readEnv(environment))
  const database = openDatabase({
    url,
    poolSizeMax: 4,
    applicationName: 'bark-bench',
    onError: () => undefined, // the next statement says it
  })
  const connection = await Connection.connect({ address: config.temporal.address })
  const programs: Program[] = []
  return {
    config,
    database,
    temporal: new Client({ connection, namespace: config.temporal.namespace }),
    watched: {
      postgres: () => processTree(pair.pids().postgres),
      temporal: () => processTree(pair.pids().temporal),
    },
    async start(file, settings = {}) {
      const port = String(await freePort())
      const program = await startProgram(file, {
        env: { ...environment, PORT: port, API_PORT: port, ...settings },
        logFile: join(pair.folder, `${file.replaceAll('/', '-')}-${port}.log`),
      })
      programs.push(program)
      return { ...program, url: `http://127.0.0.1:${port}` }
    },
    async stop() {
      for (const program of programs) await program.stop()
      await connection.close()
      await database.close()
      await pair.stop()
    },
  }
}
