import { migrate } from '../db/migrate.ts'
import { UsageError, type LaunchContext } from './command.ts'

export const help = `bark migrate
  Brings the database of DATABASE_URL to the newest schema. Safe to repeat and to run from several
  machines at once. bark start does it by itself; run it alone before a new version is rolled out.`

/** Prints one line per migration that was applied. */
export async function run(args: string[], { env, out }: LaunchContext): Promise<number> {
  if (args.length > 0) throw new UsageError(`bark migrate takes no arguments: ${args.join(' ')}`)
  const url = env['DATABASE_URL']
  if (url === undefined || url === '') throw new UsageError('DATABASE_URL is not set')
  const { applied } = await migrate(url)
  for (const name of applied) out(`applied ${name}`)
  if (applied.length === 0) out('The schema is current.')
  return 0
}
