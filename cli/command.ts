import type { Config } from '../config.ts'
import type { Environment } from './children.ts'
import type { Running } from './running.ts'

/** What the commands that make or look after a system get: `start`, `test`, `migrate`. */
export type LaunchContext = {
  /** The folder of the clone. */
  root: string
  env: Environment
  /** One line to standard output. */
  out: (text: string) => void
  /** One line to standard error. */
  err: (text: string) => void
}

/** What the commands that talk to a running system get. */
export type CommandContext = {
  config: Config
  /** `--json` was given: print one JSON value per result, and nothing else, to standard output. */
  json: boolean
  out: (text: string) => void
  err: (text: string) => void
  dataDir: string
  /** What `bark start` runs on this data folder, or null: then DATABASE_URL names the database. */
  running: Running | null
}

/**
 * A file `cli/<noun>.ts`. The arguments are those after the noun, without `--data` and `--json`; the
 * answer is the exit code.
 */
export type Command<Context> = {
  help: string
  run(args: string[], context: Context): Promise<number>
}

/** Wrong words on the command line; shown without a stack, with the way to the help. */
export class UsageError extends Error {
  override name = 'UsageError'
}
