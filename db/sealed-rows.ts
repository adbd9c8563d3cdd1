import { sql } from 'kysely'
import type { Db, Tx } from './client.ts'

/** Where sealed values are kept. */
export const SEALED_TABLES = ['codes', 'webhook_secrets', 'suppliers', 'idempotency_keys'] as const
export type SealedTable = (typeof SEALED_TABLES)[number]

/** In tables whose values are sealed for the row's id. */
const COLUMNS = {
  codes: { sealed: sql.ref('sealed'), version: sql.ref('key_version') },
  webhook_secrets: { sealed: sql.ref('sealed'), version: sql.ref('key_version') },
  suppliers: { sealed: sql.ref('secret'), version: sql.ref('secret_key_version') },
} as const

/** A sealed value and where it stands. `place` finds the row again in its table. */
export type SealedRow = { place: string; sealed: Buffer; key_version: number }

/** How many values of an account are sealed under versions below `version`. */
export async function countSealedBelow(
  db: Db,
  accountId: string,
  version: number,
): Promise<number> {
  const { rows } = await sql<{ n: bigint }>`
    select (select count(*) from codes where account_id = ${accountId} and key_version < ${version})
      + (select count(*) from webhook_secrets
        where account_id = ${accountId} and key_version < ${version})
      + (select count(*) from suppliers
        where account_id = ${accountId} and secret_key_version < ${version})
      + (select count(*) from idempotency_keys
        where account_id = ${accountId} and key_version < ${version}) as n`.execute(db)
  return Number(rows[0]?.n ?? 0n)
}

type Batch = { accountId: string; below: number; after: string; rowsMax: number }

/**
 * Locks the next values of an account under versions below `below`, in the order of their places.
 * Rows that somebody else holds are left out: a later walk finds them.
 */
export async function lockSealedRows(
  tx: Tx,
  table: SealedTable,
  { accountId, below, after, rowsMax }: Batch,
): Promise<SealedRow[]> {
  if (table === 'idempotency_keys') {
    // Like answerRowId in idempotency.ts, which the values are sealed for.
    const { rows } = await sql<SealedRow & { scope: string; operation: string; key: string }>`
      select customer_scope as scope, operation, key, answer as sealed, key_version
      from idempotency_keys
      where account_id = ${accountId} and key_version < ${below}
      order by customer_scope, operation, key limit ${rowsMax} for update skip locked`.execute(tx)
    return rows.map(({ scope, operation, key, ...row }) => ({
      ...row,
      place: JSON.stringify([scope, operation, key]),
    }))
  }
  const column = COLUMNS[table]
  const { rows } = await sql<SealedRow>`
    select id as place, ${column.sealed} as sealed, ${column.version} as key_version
    from ${sql.table(table)}
    where account_id = ${accountId} and ${column.version} < ${below} and id > ${after}
    order by id limit ${rowsMax} for update skip locked`.execute(tx)
  return rows
}

/** Writes values that were sealed anew; the caller holds their rows. */
export async function updateSealedRows(
  tx: Tx,
  table: SealedTable,
  accountId: string,
  fresh: { place: string; sealed: Buffer; keyVersion: number }[],
): Promise<void> {
  const values = sql`unnest(${fresh.map((row) => row.place)}::text[],
    ${fresh.map((row) => row.sealed)}::bytea[], ${fresh.map((row) => row.keyVersion)}::smallint[])
    as n (place, sealed, key_version)`
  if (table === 'idempotency_keys') {
    await sql`update idempotency_keys k set answer = n.sealed, key_version = n.key_version
      from ${values}
      where k.account_id = ${accountId} and k.customer_scope = n.place::jsonb ->> 0
        and k.operation = n.place::jsonb ->> 1 and k.key = n.place::jsonb ->> 2`.execute(tx)
    return
  }
  const column = COLUMNS[table]
  await sql`update ${sql.table(table)} t
    set ${column.sealed} = n.sealed, ${column.version} = n.key_version
    from ${values} where t.account_id = ${accountId} and t.id = n.place`.execute(tx)
}
