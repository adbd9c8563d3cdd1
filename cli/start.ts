import type { ChildEvents } from './children.ts'
import { openChildLogs } from './child-logs.ts'
import { UsageError, type LaunchContext } from './command.ts'
import { emptyDataFolder, lockDataFolder, openDataFolder, unlockDataFolder } from './data-folder.ts'
import { databaseName, dropDatabases, temporalDatabases } from './database.ts'
import { readRunning, removeRunning, writeRunning, type Running } from './running.ts'
import { openScreen, type Screen } from './screen.ts'
import { parseStartOptions, START_HELP, type StartOptions } from './start-options.ts'
import { startSystem, type Launch } from './system.ts'
import { welcomeText } from './welcome.ts'

export const help = START_HELP

/** A terminal sends Ctrl-C to every process, and a parent may pass it on: that is still one Ctrl-C. */
const SAME_SIGNAL_MS = 1_000

/** Runs until a signal; 0 after a stop that was asked for, 1 if the start failed. */
export async function run(args: string[], context: LaunchContext): Promise<number> {
  const options = parseStartOptions(args, context.root)
  const { dataFolder } = options
  if (options.reset && context.env['DATABASE_URL'] && !options.yes) {
    throw new UsageError(
      '--reset would empty the database of DATABASE_URL: add --yes if you mean it',
    )
  }
  openDataFolder(dataFolder)
  const holder = lockDataFolder(dataFolder)
  const beside = holder === null ? null : readRunning(dataFolder)
  if (holder !== null && (options.only === undefined || beside === null)) {
    const where = beside?.api ? `: ${beside.api}` : ''
    throw new Error(
      `Bark already runs on ${dataFolder} (process ${holder})${where}. ` +
        'Stop it there, or give another folder with --data.',
    )
  }
  try {
    return await superviseSystem(options, context, beside)
  } finally {
    if (holder === null) unlockDataFolder(dataFolder)
  }
}

async function superviseSystem(
  options: StartOptions,
  context: LaunchContext,
  beside: Running | null,
): Promise<number> {
  const startedAt = performance.now()
  const giveUp = new AbortController()
  const screen = openScreen(options.json ? process.stderr : process.stdout, giveUp.signal)
  let onRevived: () => void = () => undefined
  const launch: Launch = {
    context,
    options,
    screen,
    events: childEvents(options, screen, () => onRevived()),
    giveUp,
    children: [],
    beside,
  }
  const stopped = onStopSignal(launch)
  try {
    screen.say('Bark\n')
    if (options.reset) await resetSystem(options, context, screen)
    const system = await startSystem(launch)
    if (beside === null) {
      onRevived = () => writeRunning(options.dataFolder, system.running())
      onRevived()
    }
    screen.say(welcomeText(system.running(), system.config, (performance.now() - startedAt) / 1000))
    if (options.json) context.out(JSON.stringify(system.running()))
    await stopped
    return 0
  } catch (error) {
    if (error instanceof StopSignal) return 0
    throw error
  } finally {
    onRevived = () => undefined
    if (launch.children.length > 0) screen.say('\nStopping …')
    if (beside === null) removeRunning(options.dataFolder)
    for (const child of launch.children.toReversed()) await child.stop()
    screen.say('Bark has stopped.')
  }
}

class StopSignal extends Error {
  override name = 'StopSignal'
}

/** Resolves at the first signal, which also breaks off a start. A second one later ends at once. */
function onStopSignal(launch: Launch): Promise<void> {
  let firstAt: number | null = null
  return new Promise((resolve) => {
    const onSignal = () => {
      if (firstAt === null) {
        firstAt = performance.now()
        launch.giveUp.abort(new StopSignal('stopped'))
        resolve()
      } else if (performance.now() - firstAt > SAME_SIGNAL_MS) {
        for (const child of launch.children) child.kill()
        process.exit(130)
      }
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
    // A reader that went away (`npm start | head`) must not end us in the middle of a line.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', onSignal)
  })
}

function childEvents(options: StartOptions, screen: Screen, onRevived: () => void): ChildEvents {
  const logs = openChildLogs({ verbose: options.verbose, write: (text) => screen.say(text) })
  return {
    line: (name, text, phase) => logs.line(name, text, phase),
    died: (name, how, delaySeconds) =>
      screen.say(`${name} ${how}; starting it again in ${delaySeconds} s`),
    revived(name, pid) {
      screen.say(`${name} runs again (process ${pid})`)
      onRevived()
    },
  }
}

async function resetSystem(
  options: StartOptions,
  { env }: LaunchContext,
  screen: Screen,
): Promise<void> {
  await screen.step('Reset', async () => {
    const url = env['DATABASE_URL']
    if (url) {
      const { store, visibility } = temporalDatabases(databaseName(url))
      await dropDatabases(url, [databaseName(url), store, visibility])
    }
    emptyDataFolder(options.dataFolder)
  })
}
