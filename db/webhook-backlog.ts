import { sql } from 'kysely'
import type { Db } from './client.ts'

const COUNTED_MAX = 1_000

/** Deliveries that are still tried, by endpoint of the account; counted up to 1,000 each. */
export async function countPendingDeliveries(
  db: Db,
  accountId: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ id: string; pending: number }>`
    select w.id, (select count(*) from (
        select 1 from deliveries d where d.account_id = w.account_id and d.webhook_id = w.id
          and d.state = 'pending' limit ${COUNTED_MAX}) as counted)::integer as pending
    from webhooks w where w.account_id = ${accountId} and w.deleted_at is null`.execute(db)
  return new Map(rows.map((row) => [row.id, row.pending]))
}
