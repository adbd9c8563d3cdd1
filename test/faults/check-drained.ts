import { sql } from 'kysely'
import type { Db } from '../../db/client.ts'
import { eventually } from '../harness.ts'
import type { Violation } from './invariants.ts'

/** What a sweep began a moment ago, such as comparing a day that is over, ends well within this. */
const DRAIN_MS_MAX = 20_000

/** Stories that may wait for an instant or for a person, and when one of them is open. */
const MAY_WAIT = {
  transactions: sql`ended_at is null`,
  purchase_orders: sql`ended_at is null`,
  invoice_runs: sql`ended_at is null`,
  account_days: sql`ended_at is null`,
  deliveries: sql`state = 'pending'`,
  payment_intents: sql`ended_at is null`,
  refunds: sql`ended_at is null`,
  disputes: sql`ended_at is null`,
  claims: sql`state = 'open'`,
}
/** Those that have nothing to wait for. */
const NEVER_WAITS = [
  'credit_notes',
  'document_sends',
  'payment_reconciliations',
  'ledger_reconciliations',
]

const LEFT = sql<{ id: string }>`
  select 'outbox/' || id as id from outbox
  union all
  ${sql.join(
    Object.entries(MAY_WAIT).map(
      ([table, isOpen]) => sql`select s.id from ${sql.table(table)} s where ${isOpen}
        and not exists (select 1 from waits w where w.story_id = s.id and (w.needs_person
          or w.due_at > business_now(s.account_id) - interval '30 seconds'))`,
    ),
    sql` union all `,
  )}
  union all
  ${sql.join(
    NEVER_WAITS.map((table) => sql`select id from ${sql.table(table)} where ended_at is null`),
    sql` union all `,
  )}`

/** What must be true once faults have healed and work has drained (I1, I27): nothing is left over. */
export async function checkDrained(db: Db): Promise<Violation[]> {
  const { rows } = await LEFT.execute(db)
  if (rows.length === 0) return []
  return [{ invariant: 'I27', what: 'nothing is left half-way', rows: rows.slice(0, 20) }]
}

/** The same, of work that goes on by itself: waits until nothing is left, and answers what then is. */
export async function awaitDrained(db: Db): Promise<Violation[]> {
  try {
    return await eventually(
      () => checkDrained(db),
      (left) => left.length === 0,
      DRAIN_MS_MAX,
    )
  } catch {
    return checkDrained(db)
  }
}
