import { sql } from 'kysely'
import type { Db } from './client.ts'

/** A data key of an account, wrapped; `key_id` and `wrapped` are null for what is sealed directly. */
export type DataKeyRow = {
  version: number
  key_id: string | null
  wrapped: Buffer | null
  retired_at: Date | null
  created_at: Date
}

/** Every data key of an account, the oldest first. */
export async function listDataKeys(db: Db, accountId: string): Promise<DataKeyRow[]> {
  return db
    .selectFrom('data_keys')
    .select(['version', 'key_id', 'wrapped', 'retired_at', 'created_at'])
    .where('account_id', '=', accountId)
    .orderBy('version')
    .execute()
}

/** Adds a data key; of two that add the same version at once, the first wins and both go on. */
export async function insertDataKey(
  db: Db,
  key: { accountId: string; version: number; keyId: string; wrapped: Buffer },
): Promise<void> {
  await db
    .insertInto('data_keys')
    .values({
      account_id: key.accountId,
      version: key.version,
      key_id: key.keyId,
      wrapped: key.wrapped,
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'version']).doNothing())
    .execute()
}

/** A wrapped data key with its owner. */
export type WrappedDataKey = {
  account_id: string
  version: number
  key_id: string
  wrapped: Buffer
}

/** The data keys of all accounts that another key than `currentId` wrapped. No owner: an operator's. */
export async function listForeignDataKeys(db: Db, currentId: string): Promise<WrappedDataKey[]> {
  const rows = await db
    .selectFrom('data_keys')
    .select(['account_id', 'version', 'key_id', 'wrapped'])
    .where('key_id', '<>', currentId)
    .orderBy('account_id')
    .orderBy('version')
    .execute()
  return rows.flatMap(({ key_id, wrapped, ...row }) =>
    key_id === null || wrapped === null ? [] : [{ ...row, key_id, wrapped }],
  )
}

/** Replaces the wrapping of a data key, unless somebody else did. Safe to repeat. */
export async function updateWrapping(
  db: Db,
  before: WrappedDataKey,
  after: { keyId: string; wrapped: Buffer },
): Promise<void> {
  await db
    .updateTable('data_keys')
    .set({ key_id: after.keyId, wrapped: after.wrapped })
    .where('account_id', '=', before.account_id)
    .where('version', '=', before.version)
    .where('key_id', '=', before.key_id)
    .execute()
}

/** The accounts that have anything sealed. */
export async function listSealingAccounts(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('data_keys')
    .select('account_id')
    .distinct()
    .orderBy('account_id')
    .execute()
  return rows.map((row) => row.account_id)
}

/** Of a data key `k`: no value of any table is sealed under it. */
const SEALS_NOTHING = sql`not exists (select 1 from codes c
    where c.account_id = k.account_id and c.key_version = k.version)
  and not exists (select 1 from webhook_secrets s
    where s.account_id = k.account_id and s.key_version = k.version)
  and not exists (select 1 from suppliers s
    where s.account_id = k.account_id and s.secret_key_version = k.version)
  and not exists (select 1 from idempotency_keys i
    where i.account_id = k.account_id and i.key_version = k.version)`

/** Retires every data key below `version` that nothing is sealed under. Answers how many. */
export async function retireDataKeys(db: Db, accountId: string, version: number): Promise<number> {
  const { numAffectedRows } = await sql`
    update data_keys k set retired_at = clock_timestamp()
    where account_id = ${accountId} and version < ${version} and retired_at is null
      and ${SEALS_NOTHING}`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/**
 * Deletes data keys that were retired longer ago than any reader may still hold a row of theirs. A
 * foreign key keeps those that something came back to; they are retired again by the next rotation.
 */
export async function deleteRetiredDataKeys(db: Db, afterSeconds: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from data_keys k
    where retired_at < clock_timestamp() - ${afterSeconds} * interval '1 second'
      and ${SEALS_NOTHING}`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
