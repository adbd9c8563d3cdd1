import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { createDatabase, dropDatabases, withDatabase } from '../cli/database.ts'
import { migrate } from '../db/migrate.ts'
import { printSchema } from './print-schema.ts'
import { printTables } from './print-tables.ts'
import { ROOT } from './source-files.ts'

const USAGE = `npm run codegen [-- --check]
Writes docs/openapi/v2.json from the routes, and db/tables.ts and db/schema.sql from the migrated
database DATABASE_URL, or from one that it makes, migrates and drops on the server of
BARK_TEST_DATABASE_URL.
  --check   writes nothing; fails if a file is not current`

/** The generated files by path from the root; reads the catalog of `databaseUrl`, writes nothing. */
export async function generate(databaseUrl: string): Promise<Map<string, string>> {
  const client = new Client({ connectionString: databaseUrl, query_timeout: 30_000 })
  await client.connect()
  try {
    return new Map([
      ['db/tables.ts', await printTables(client)],
      ['db/schema.sql', await printSchema(client)],
    ])
  } finally {
    await client.end()
  }
}

/** Paths of the generated files that differ from what is on disk (a missing file differs). */
export async function staleFiles(generated: Map<string, string>): Promise<string[]> {
  const stale: string[] = []
  for (const [path, text] of generated) {
    const current = await readFile(`${ROOT}${path}`, 'utf8').catch(() => undefined)
    if (current !== text) stale.push(path)
  }
  return stale
}

/**
 * Runs `use` with the URL of a migrated database that exists only for that long, on the server of
 * `serverUrl` (whose user may create databases). Dropped also when `use` throws.
 */
export async function withScratchDatabase<T>(
  serverUrl: string,
  use: (databaseUrl: string) => Promise<T>,
): Promise<T> {
  const name = `bark_codegen_${randomBytes(8).toString('hex')}`
  const databaseUrl = withDatabase(serverUrl, name)
  await createDatabase(databaseUrl)
  try {
    await migrate(databaseUrl)
    return await use(databaseUrl)
  } finally {
    await dropDatabases(serverUrl, [name])
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false }, help: { type: 'boolean' } },
  })
  if (values.help) return console.log(USAGE)
  const stale = [...(await writeSchema(values.check)), ...(await writeApi(values.check))]
  if (stale.length === 0) return console.log('all current')
  console.log(
    `${values.check ? 'not current, run `npm run codegen`:' : 'wrote'} ${stale.join(', ')}`,
  )
  if (values.check) process.exitCode = 1
}

async function writeSchema(check: boolean): Promise<string[]> {
  const generated = await generateFromEnvironment()
  const stale = await staleFiles(generated)
  if (check) return stale
  for (const path of stale) await writeFile(`${ROOT}${path}`, generated.get(path) ?? '')
  return stale
}

/** Loaded after the tables are written, on whose types the API rests. */
async function writeApi(check: boolean): Promise<string[]> {
  const { writeOpenApi } = await import('../api/openapi.ts')
  return (await writeOpenApi({ check })) ? [] : ['docs/openapi/v2.json']
}

async function generateFromEnvironment(): Promise<Map<string, string>> {
  const { DATABASE_URL: databaseUrl, BARK_TEST_DATABASE_URL: serverUrl } = process.env
  if (databaseUrl) return generate(databaseUrl)
  if (serverUrl) return withScratchDatabase(serverUrl, generate)
  throw new Error(`Neither is set; \`npm test -- --serve\` starts a server.\n\n${USAGE}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
