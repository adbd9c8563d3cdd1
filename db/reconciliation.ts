import { sql, type RawBuilder } from 'kysely'
import { readTogether, type Db, type Tx } from './client.ts'
import { IDENTITIES, TABLES, type Identity } from './ledger-identities.ts'

/** One thing that must be equal and is not. Minor units, or counts where nothing has a currency. */
export type Difference = {
  account_id: string
  /** What it is about: a customer, an invoice, a journal. */
  subject: string
  currency: string
  expected_minor: bigint
  actual_minor: bigint
}

export type IdentityResult = Identity & { differences: Difference[] }

const DIFFERENCES_MAX = 50 // of one identity: enough to see what is wrong, not a dump
const STATEMENT_MS_MAX = 600_000 // a report over all rows, beside the orders of the day

/**
 * Compares what the business rows say with what the ledger says, at one instant. An identity that
 * holds has no differences. `accountId` null looks at every account: for operators only.
 */
export async function reconcile(db: Db, accountId: string | null): Promise<IdentityResult[]> {
  return readTogether(db, async (tx) => {
    await sql`select set_config('statement_timeout', ${String(STATEMENT_MS_MAX)}, true)`.execute(tx)
    return reconcileWithin(tx, accountId)
  })
}

/** The same, as a transaction sees it that has begun already. */
export async function reconcileWithin(tx: Tx, accountId: string | null): Promise<IdentityResult[]> {
  const results: IdentityResult[] = []
  for (const { name, says, query } of IDENTITIES) {
    const { rows } = await sql<Difference>`${ownRows(accountId)}
      select * from (${query}) differing
      order by account_id, subject, currency limit ${DIFFERENCES_MAX}`.execute(tx)
    results.push({ name, says, differences: rows })
  }
  return results
}

/**
 * Puts one account's rows in the place of each table, so that a report reads what is its account's and
 * costs the same however many others there are.
 */
function ownRows(accountId: string | null): RawBuilder<unknown> {
  if (accountId === null) return sql``
  const own = TABLES.map(
    (table) => sql`${sql.ref(table)} as not materialized (
      select * from public.${sql.ref(table)} where account_id = ${accountId})`,
  )
  return sql`with ${sql.join(own)}`
}
