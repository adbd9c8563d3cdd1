import { parseArgs } from 'node:util'
import { listApiKeys, type ListedApiKey } from '../db/api-keys.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openCommandDatabase } from './command-database.ts'

/** `bark keys list`: one line per key, the newest first; with `--json` one value for all. */
export async function listKeys(args: string[], context: CommandContext): Promise<number> {
  const accountId = readAccount(args, context)
  const database = openCommandDatabase(context, 'bark keys')
  try {
    const keys = await listApiKeys(database.db, accountId)
    if (context.json) context.out(JSON.stringify(keys))
    else if (keys.length === 0) context.err(`The account ${accountId} has no keys.`)
    else for (const key of keys) context.out(describe(key))
    return 0
  } finally {
    await database.close()
  }
}

function readAccount(args: string[], { running }: CommandContext): string {
  try {
    const { values } = parseArgs({ args, options: { account: { type: 'string' } } })
    const accountId = values.account ?? running?.account_id
    if (!accountId) throw new UsageError('Name the account with --account acc_…')
    return accountId
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function describe(key: ListedApiKey): string {
  const used =
    key.last_used_at === null
      ? 'never used'
      : `last used ${minute(key.last_used_at)} from ${key.last_used_address ?? 'an unknown address'}`
  return [
    `${key.id}  …${key.last4}`,
    key.name + (key.customer_id === null ? '' : ` (only ${key.customer_id})`),
    endOf(key),
    used,
  ].join('  ')
}

function endOf(key: ListedApiKey): string {
  if (key.revoked_at !== null) return `revoked ${minute(key.revoked_at)}`
  const verb = key.expires_at.getTime() <= Date.now() ? 'expired' : 'until'
  return `${verb} ${key.expires_at.toISOString().slice(0, 10)}`
}

function minute(instant: Date): string {
  return `${instant.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
