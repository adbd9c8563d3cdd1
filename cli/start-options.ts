import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError } from './command.ts'
import { DEFAULT_DATA_FOLDER } from './data-folder.ts'

export const START_HELP = `bark start [options]   (npm start -- [options])
  Starts PostgreSQL, Temporal, the API, the worker and the sandbox supplier, makes sandbox data, and
  prints the addresses and two test keys. Ctrl-C stops everything. A second start takes seconds and
  keeps the data.

  --port N      the API's port (default 8080, another one if it is taken; 0 = any)
  --data DIR    where the data is kept (default ${DEFAULT_DATA_FOLDER} in the clone); two folders can run
                side by side
  --reset       begin with an empty system; with a DATABASE_URL only together with --yes
  --no-seed     no sandbox data and no test keys
  --only NAME   "api" or "worker" and what it needs; beside a running system on the same data folder
                one more of it
  --verbose     every log line instead of warnings and errors
  --json        standard output is one line when everything is ready; the rest goes to standard error
                (npm adds its own lines: npm start --silent -- --json)

  DATABASE_URL and TEMPORAL_ADDRESS lead to servers of your own. .env.example explains every setting.`

export type StartOptions = {
  /** Undefined = the usual one, or another if that is taken. */
  port: number | undefined
  dataFolder: string
  reset: boolean
  /** Confirms a reset of a database that is not ours alone. */
  yes: boolean
  seed: boolean
  only: 'api' | 'worker' | undefined
  verbose: boolean
  json: boolean
}

/** Reads the flags; throws UsageError on what it does not know. */
export function parseStartOptions(args: string[], root: string): StartOptions {
  const { port, data, only, ...flags } = parse(args)
  if (only !== undefined && only !== 'api' && only !== 'worker') {
    throw new UsageError(`--only is "api" or "worker", not "${only}"`)
  }
  return {
    port: port === undefined ? undefined : parsePort(port),
    dataFolder: data === undefined ? join(root, DEFAULT_DATA_FOLDER) : resolve(data),
    reset: flags.reset === true,
    yes: flags.yes === true,
    seed: flags['no-seed'] !== true,
    only,
    verbose: flags.verbose === true,
    json: flags.json === true,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string' },
        data: { type: 'string' },
        only: { type: 'string' },
        reset: { type: 'boolean' },
        yes: { type: 'boolean' },
        'no-seed': { type: 'boolean' },
        verbose: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new UsageError(`--port is a number from 0 to 65535, not "${text}"`)
}
