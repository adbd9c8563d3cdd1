import { createReadStream, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openCodeKeys, plainCode, sealCode } from '../secrets/seal-code.ts'
import { importCodes, type CodeImport } from '../db/code-imports.ts'
import { readCodeFile } from '../api/code-file.ts'
import { renderInventory } from '../wire/inventory.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openCommandDatabase } from './command-database.ts'
import { openKeys } from './open-keys.ts'
import { showProgress } from './progress.ts'

/** A million rows are compared with all codes in one statement; nobody waits behind it. */
const STATEMENT_MS_MAX = 600_000

/**
 * `bark codes import`. Exit code 0 when all were imported, 1 when none were. Never prints a code.
 */
export async function importCodeFile(args: string[], context: CommandContext): Promise<number> {
  const { path, accountId } = readArguments(args, context)
  const database = openCommandDatabase(context, 'bark codes import', {
    statementMsMax: STATEMENT_MS_MAX,
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
      rows: readCodeFile(readBytes(path, context), formatOf(path)),
      seal: (row, mode) => sealCode(keys, mode, plainCode(row)),
      printInventory: renderInventory,
      showStored: (codes) => showProgress(context, 'codes stored', codes),
    })
    print(result, context)
    return result.outcome === 'imported' ? 0 : 1
  } finally {
    await database.close()
  }
}

const formatOf = (path: string): 'csv' | 'jsonl' =>
  /\.(jsonl|ndjson)$/i.test(path) ? 'jsonl' : 'csv'

async function* readBytes(path: string, context: CommandContext): AsyncGenerator<Buffer> {
  const progress = showProgress(context, 'bytes read', statSync(path).size)
  const chunks: AsyncIterable<Buffer> = createReadStream(path)
  for await (const chunk of chunks) {
    progress.add(chunk.length)
    yield chunk
  }
  progress.done()
}

function readArguments(
  args: string[],
  { running }: CommandContext,
): { path: string; accountId: string } {
  const { values, positionals } = parseArguments(args)
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new UsageError('Name one file')
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new UsageError(`There is no file ${path}`)
  }
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
