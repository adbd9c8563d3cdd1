import { openDatabase, type Database } from '../db/client.ts'
import type { CommandContext } from './command.ts'

/**
 * The product's database for as long as a command runs; whoever opens it closes it. `command` is what
 * PostgreSQL shows of the connection. One connection, unless it is said otherwise.
 */
export function openCommandDatabase(
  { config, err }: Pick<CommandContext, 'config' | 'err'>,
  command: string,
  limits: { poolSizeMax?: number; statementMsMax?: number } = {},
): Database {
  return openDatabase({
    url: config.database.url,
    poolSizeMax: 1,
    ...limits,
    applicationName: command,
    onError: (error) => err(`The database connection failed: ${error.message}`),
  })
}
