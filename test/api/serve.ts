import { randomUUID } from 'node:crypto'
import { buildApp } from '../../api/app.ts'
import { readEnv, toConfig, type Config } from '../../config.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { createLog } from '../../log.ts'
import { startApi } from '../../server.ts'
import { createTestDatabase } from '../stack.ts'
import { createClient, type TestClient } from './client.ts'

/** The API on a socket of its own over a database of its own; no worker, no Temporal. */
export type ServedApi = {
  url: string
  port: number
  config: Config
  /** The test's own way to the rows, apart from the API's connections. */
  database: Database
  client(key: string | null): TestClient
  stop(): Promise<void>
}

/** Start it in `beforeAll` with a name of the file's own, stop it in `afterAll`. */
export async function serveApi(name: string, env: Record<string, string> = {}): Promise<ServedApi> {
  const testDatabase = await createTestDatabase(name)
  const config = toConfig(
    readEnv({
      DATABASE_URL: testDatabase.url,
      API_PORT: '0',
      LOG_LEVEL: process.env['BARK_TEST_LOG_LEVEL'] ?? 'silent',
      ...env,
    }),
  )
  const api = await startApi(config, createLog(`test-${name}`, config.log.level))
  const database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 4,
    applicationName: `test-${name}`,
    onError: () => undefined,
  })
  const url = `http://127.0.0.1:${api.port}`
  return {
    url,
    port: api.port,
    config,
    database,
    client: (key) => createClient(url, key),
    async stop() {
      await api.close()
      await database.close()
      await testDatabase.drop()
    },
  }
}

/**
 * The API without a socket, so that every statement that it sends can be seen, BEGIN and COMMIT
 * included: they are round trips like the others.
 */
export function openCountedApi(config: Config): {
  client(key: string): TestClient
  database: Database
  /** The statements since the last call. */
  takeStatements(): string[]
  close(): Promise<void>
} {
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: 4,
    applicationName: 'counted',
    onError: () => undefined,
  })
  let seen: string[] = []
  database.pool.on('connect', (client) => {
    const query = client.query.bind(client)
    Reflect.set(client, 'query', (statement: unknown, ...rest: unknown[]): unknown => {
      const text: unknown =
        typeof statement === 'string' ? statement : Reflect.get(Object(statement), 'text')
      seen.push(String(text))
      return Reflect.apply(query, client, [statement, ...rest])
    })
  })
  const built = buildApp({ database, config, log: createLog('counted', 'silent') })
  const base = `http://counted-${randomUUID()}`
  return {
    database,
    client: (key) => createClient(base, key, (url, init) => built.app.request(url, init)),
    takeStatements() {
      const taken = seen
      seen = []
      return taken
    },
    async close() {
      await built.close()
      await database.close()
    },
  }
}
