import { sql } from 'kysely'
import type { Tx } from './client.ts'

/**
 * Wakes the transactions that wait for codes of these products, in the order in which they were
 * accepted: something changed that may serve them. Answers how many. Harmless to repeat.
 */
export async function wakeBackorders(
  tx: Tx,
  accountId: string,
  items: { productId: string; variantId: string }[],
  reason: string,
): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into outbox (account_id, verb, workflow, subject, signal)
    select t.account_id, 'signal', 'fulfillTransaction', jsonb_build_object('transaction_id', t.id),
      jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', ${reason}::text))
    from transactions t
    where t.account_id = ${accountId} and t.ended_at is null and exists (
      select 1 from units u
      join unnest(${items.map((item) => item.productId)}::text[],
        ${items.map((item) => item.variantId)}::text[]) as i (product_id, variant_id)
        on i.product_id = u.product_id and i.variant_id = u.variant_id
      where u.account_id = t.account_id and u.transaction_id = t.id
        and u.state in ('queued', 'backordered'))
    order by t.accepted_at, t.id`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}
