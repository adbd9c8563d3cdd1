import { parseArgs } from 'node:util'
import { findAccountMode } from '../db/accounts.ts'
import { insertApiKey } from '../db/api-keys.ts'
import type { Db } from '../db/client.ts'
import { getCustomer } from '../db/customers.ts'
import { DomainError } from '../domain/error.ts'
import { SCOPES, type Scope } from '../domain/scope.ts'
import { newId } from '../new-id.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openCommandDatabase } from './command-database.ts'
import { ACCOUNT_KEY_SCOPES, CUSTOMER_KEY_SCOPES } from './seed-keys.ts'

const LIFETIME_DAYS = 90 // the rotation period of the published reference

type Wanted = {
  accountId: string
  customerId: string | null
  scopes: readonly Scope[]
  name: string
}

/** `bark keys create`. Not repeatable: each call makes another key. */
export async function createKey(args: string[], context: CommandContext): Promise<number> {
  const wanted = readArguments(args, context)
  const database = openCommandDatabase(context, 'bark keys')
  try {
    const id = newId('apiKey')
    const expiresAt = new Date(Date.now() + LIFETIME_DAYS * 86_400_000)
    const key = await insertApiKey(database.db, {
      id,
      accountId: wanted.accountId,
      mode: await requireOwner(database.db, wanted),
      name: wanted.name,
      scopes: wanted.scopes,
      ...(wanted.customerId === null ? {} : { customerId: wanted.customerId }),
      expiresAt,
    })
    print({ id, key, expiresAt, ...wanted }, context)
    return 0
  } finally {
    await database.close()
  }
}

function readArguments(args: string[], { running }: CommandContext): Wanted {
  const { values } = parse(args)
  const accountId = values.account ?? running?.account_id
  if (!accountId) throw new UsageError('Name the account with --account acc_…')
  const customerId = values.customer ?? null
  const usual = customerId === null ? ACCOUNT_KEY_SCOPES : CUSTOMER_KEY_SCOPES
  return {
    accountId,
    customerId,
    scopes: values.scopes === undefined ? usual : parseScopes(values.scopes),
    name: values.name ?? 'Command line',
  }
}

function parse(args: string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args,
      options: { account: text, customer: text, name: text, scopes: text },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function parseScopes(list: string): Scope[] {
  const names = list.split(',').map((name) => name.trim())
  const scopes = SCOPES.filter((scope) => names.includes(scope))
  const known: readonly string[] = SCOPES
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0) return scopes
  throw new UsageError(`There is no scope "${unknown.join('", "')}". Scopes: ${SCOPES.join(', ')}`)
}

/** The mode of the account. A key of a customer that does not exist would open nothing. */
async function requireOwner(db: Db, { accountId, customerId }: Wanted): Promise<'live' | 'test'> {
  const mode = await findAccountMode(db, accountId)
  if (mode === null) throw new UsageError(`There is no account ${accountId}`)
  if (customerId === null) return mode
  try {
    await getCustomer(db, { accountId, customerId: null }, customerId)
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== 'not_found') throw error
    throw new UsageError(`The account ${accountId} has no customer ${customerId}`)
  }
  return mode
}

function print(
  made: Wanted & { id: string; key: string; expiresAt: Date },
  { json, out, err }: CommandContext,
): void {
  if (json) {
    out(
      JSON.stringify({
        id: made.id,
        key: made.key,
        name: made.name,
        account_id: made.accountId,
        customer_id: made.customerId,
        scopes: made.scopes,
        expires_at: made.expiresAt.toISOString(),
      }),
    )
    return
  }
  out(made.key)
  const owner = made.customerId ?? made.accountId
  err(`${made.id} for ${owner}, until ${made.expiresAt.toISOString().slice(0, 10)}.`)
  err('Keep it now: it is not shown again.')
}
