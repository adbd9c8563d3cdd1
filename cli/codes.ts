import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openCodeKeys, sealCode } from '../activities/seal-code.ts'
import { importCodes, type CodeImport } from '../db/code-imports.ts'
import { openDatabase } from '../db/client.ts'
import { readCodeFile } from './code-file.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openKeys } from './open-keys.ts'

export const help = `bark codes import FILE.csv [--account acc_…]
  Puts codes into the own pool: all of them, or none when one line is bad. Bad lines are listed by
  number. Orders that wait for these products are woken, oldest first.
  --account   the account; the running sandbox's when left out
The first line names the columns: sku, code, pin, serial, url, expires_at (sku and code or url are
needed). expires_at is an RFC 3339 instant, or a date, then good to the end of that day in UTC.`

const PROGRESS_ROWS = 50_000

/** Exit code 0 when all were imported, 1 when none were. Never prints a code. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const { path, accountId } = readArguments(args, context)
  const database = openDatabase({
    url: context.config.database.url,
    poolSizeMax: 1,
    applicationName: 'bark codes import',
    onError: (error) => context.err(`The database connection failed: ${error.message}`),
  })
  try {
    const account = await database.db
      .selectFrom('accounts')
      .select('id')
      .where('id', '=', accountId)
      .executeTakeFirst()
    if (account === undefined) throw new UsageError(`There is no account ${accountId}`)
    const keys = await openCodeKeys(openKeys(database, context.config), accountId)
    const result = await importCodes(database.db, {
      accountId,
      openRows: () => readCodeFile(path),
      seal: ({ type, secret, expiresAtMs }, mode) =>
        sealCode(keys, mode, {
          type,
          secret,
          expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs),
        }),
      onProgress: (rows) => {
        if (rows % PROGRESS_ROWS === 0) context.err(`${rows} rows read`)
      },
    })
    print(result, context)
    return result.outcome === 'imported' ? 0 : 1
  } finally {
    await database.close()
  }
}

function readArguments(
  args: string[],
  { running }: CommandContext,
): { path: string; accountId: string } {
  const { values, positionals } = parseArguments(args)
  const [verb, path, ...more] = positionals
  if (verb !== 'import') throw new UsageError('bark codes knows one thing to do: import')
  if (path === undefined || more.length > 0) throw new UsageError('Name one CSV file')
  if (!existsSync(path)) throw new UsageError(`There is no file ${path}`)
  const accountId = values.account ?? running?.account_id
  if (!accountId) throw new UsageError('Name the account with --account acc_…')
  return { path, accountId }
}

function parseArguments(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { account: { type: 'string' } } })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function print(result: CodeImport, { json, out, err }: CommandContext): void {
  if (json) {
    out(
      JSON.stringify(
        result.outcome === 'imported'
          ? { imported: result.imported, woken: result.woken }
          : { imported: 0, problem_count: result.problemCount, problems: result.problems },
      ),
    )
    return
  }
  if (result.outcome === 'imported') {
    out(`${count(result.imported, 'code')} imported, ${count(result.woken, 'waiting order')} woken`)
    return
  }
  for (const { line, message } of result.problems) err(`line ${line}: ${message}`)
  const hidden = result.problemCount - result.problems.length
  if (hidden > 0) err(`and ${count(hidden, 'more bad line')}`)
  err('Nothing was imported.')
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
