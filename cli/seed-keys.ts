import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { findApiKey, hashApiKey, insertApiKey } from '../db/api-keys.ts'
import type { Database } from '../db/client.ts'
import { SCOPES, type Scope } from '../domain/scope.ts'
import { newId } from '../new-id.ts'

/** The printed keys. Only their hashes are in the database, so the text is kept beside it. */
export type SeedKeys = { account: string; customer: string }

/** Everything but what would hide a mistake in an integrator's prices. */
export const ACCOUNT_KEY_SCOPES: readonly Scope[] = SCOPES.filter(
  (scope) => scope !== 'orders:price_override',
)

/** What a customer of the merchant may do for itself. */
export const CUSTOMER_KEY_SCOPES: readonly Scope[] = [
  'products:read',
  'customers:read',
  'orders:read',
  'orders:write',
  'codes:read',
  'purchase_orders:read',
  'purchase_orders:write',
  'invoices:read',
  'events:read',
  'test_clock:read',
]

const FILE = 'keys.json'
const keysShape = z.object({ account: z.string(), customer: z.string() })

/**
 * The keys of `<dataDir>/keys.json` (mode 0600) as long as they work in this database; else new ones
 * take their place. A key that was revoked or is over is not brought back.
 */
export async function ensureSeedKeys(
  database: Database,
  dataDir: string,
  owner: { accountId: string; customerId: string },
): Promise<SeedKeys> {
  const kept = readKeys(dataDir)
  const ensure = async (text: string | undefined, customerId: string | null) =>
    text !== undefined && (await works(database, text, owner.accountId, customerId))
      ? text
      : insertApiKey(database.db, {
          id: newId('apiKey'),
          accountId: owner.accountId,
          mode: 'test',
          name: customerId === null ? 'Sandbox' : 'Sandbox reseller',
          scopes: customerId === null ? ACCOUNT_KEY_SCOPES : CUSTOMER_KEY_SCOPES,
          ...(customerId === null ? {} : { customerId }),
        })
  const keys = {
    account: await ensure(kept?.account, null),
    customer: await ensure(kept?.customer, owner.customerId),
  }
  if (keys.account !== kept?.account || keys.customer !== kept.customer) writeKeys(dataDir, keys)
  return keys
}

async function works(
  database: Database,
  text: string,
  accountId: string,
  customerId: string | null,
): Promise<boolean> {
  const row = await findApiKey(database.pool, hashApiKey(text))
  if (row === null || row.account_id !== accountId || row.customer_id !== customerId) return false
  const wanted = customerId === null ? ACCOUNT_KEY_SCOPES : CUSTOMER_KEY_SCOPES
  // Scopes that a newer version has added are on a newly made key only.
  const complete = wanted.every((scope) => row.scopes.includes(scope))
  return complete && row.revoked_at === null && row.expires_at.getTime() > Date.now()
}

function readKeys(dataDir: string): SeedKeys | null {
  const file = join(dataDir, FILE)
  if (!existsSync(file)) return null
  const parsed = keysShape.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file} is not what bark start writes: remove it`)
  return parsed.data
}

/** Moved into place whole, so that a start that is killed leaves the old keys or the new ones. */
function writeKeys(dataDir: string, keys: SeedKeys): void {
  const fresh = join(dataDir, `${FILE}.new`)
  writeFileSync(fresh, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  chmodSync(fresh, 0o600) // `mode` counts for a new file only
  renameSync(fresh, join(dataDir, FILE))
}
