import { sql } from 'kysely'
import type { Db } from '../../db/client.ts'
import type { Violation } from './invariants.ts'

/**
 * I28: the canaries (plain codes, webhook secrets, API keys) are in no row of the account, no log,
 * no history. `texts` are what else is to be searched, by name.
 */
export async function checkSecrets(
  db: Db,
  accountId: string,
  canaries: string[],
  texts: Record<string, string>,
): Promise<Violation[]> {
  const places: string[] = []
  for (const [place, text] of Object.entries(texts)) {
    if (canaries.some((canary) => text.includes(canary))) places.push(place)
  }
  const hex = canaries.map((canary) => Buffer.from(canary).toString('hex')) // how bytea prints
  const patterns = [...canaries, ...hex].map((text) => `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`)
  for (const table of await listTables(db)) {
    const { rows } = await sql<{ leaks: bigint }>`
      select count(*) as leaks from ${sql.table(table)} t
      where account_id = ${accountId} and t::text like any(${patterns}::text[])`.execute(db)
    if ((rows[0]?.leaks ?? 0n) > 0n) places.push(`table ${table}`)
  }
  if (places.length === 0) return []
  return [{ invariant: 'I28', what: 'a secret is readable', rows: places }]
}

async function listTables(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.table_name as name from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and c.column_name = 'account_id' and t.table_type = 'BASE TABLE'
    order by 1`.execute(db)
  return rows.map(({ name }) => name)
}
