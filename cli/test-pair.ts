import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allOrNone } from './all-or-none.ts'
import { startChild, type Child, type ChildEvents } from './children.ts'
import type { LaunchContext } from './command.ts'
import { withDatabase } from './database.ts'
import { freePort } from './ports.ts'
import { preparePostgres } from './postgres.ts'
import { isAlive } from './process-list.ts'
import type { Screen } from './screen.ts'
import { registerNames } from './temporal-names.ts'
import { findOwnTemporal, temporalChild } from './temporal.ts'

/** A PostgreSQL and a Temporal server for one test run, gone with it. */
export type TestPair = {
  folder: string
  /** What leads `test/stack.ts` to the two. */
  variables: { BARK_TEST_DATABASE_URL: string; BARK_TEST_TEMPORAL_ADDRESS: string }
  /** The process ids of the two, for those who measure them; 0 while one is down. */
  pids(): { postgres: number; temporal: number }
  stop(): Promise<void>
}

const NAMESPACE = 'default'
const PREFIX = 'bark-test-'

/**
 * Starts both on free ports, below the temporary folder. `stop` also removes their data. Aborting
 * `giveUp` breaks the start off. `durable` writes through to the disk, which tests do not need.
 */
export async function startTestPair(
  context: LaunchContext,
  screen: Screen,
  giveUp: AbortController,
  { durable = false }: { durable?: boolean } = {},
): Promise<TestPair> {
  const { signal } = giveUp
  removeLeftovers()
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  chmodSync(folder, 0o755) // as root, PostgreSQL is another user and has to pass
  const children: Child[] = []
  const stop = async () => {
    for (const child of children.toReversed()) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const events: ChildEvents = {
    line: () => undefined,
    died: (name, how) => screen.say(`  ${name} ${how}; tests that run now will fail`),
    revived: (name) => screen.say(`  ${name} runs again`),
  }
  try {
    const [databaseUrl, program] = await allOrNone(giveUp, [
      screen.step('PostgreSQL', async () => {
        const postgres = await preparePostgres(folder, { durable, env: context.env })
        children.push(await startChild(postgres.child, events, signal))
        return withDatabase(postgres.url, 'postgres')
      }),
      screen.step('Temporal build', (onProgress) =>
        findOwnTemporal(context.root, context.env, { onProgress, signal }),
      ),
    ])
    const address = await screen.step('Temporal', async () => {
      const port = await freePort()
      const place = { env: context.env, port, uiPort: null, databaseUrl, dataFolder: folder }
      children.push(await startChild(temporalChild(program, place), events, signal))
      await registerNames(`127.0.0.1:${port}`, NAMESPACE)
      return `127.0.0.1:${port}`
    })
    return {
      folder,
      variables: { BARK_TEST_DATABASE_URL: databaseUrl, BARK_TEST_TEMPORAL_ADDRESS: address },
      pids: () => ({ postgres: children[0]?.pid ?? 0, temporal: children[1]?.pid ?? 0 }),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A run that was killed could not tidy up; its number stands in the name. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const pid = Number(name.slice(PREFIX.length).split('-')[0])
    if (!isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}
