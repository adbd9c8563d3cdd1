import { createHash } from 'node:crypto'
import { sql, type RawBuilder } from 'kysely'
import type { Db } from '../../db/client.ts'
import type { JsonValue } from '../../db/tables.ts'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { WEBHOOK_DELAYS_SECONDS } from '../../domain/webhook-schedule.ts'

/** A broken promise: which invariant of docs/promises.md, and the rows that show it. */
export type Violation = { invariant: string; what: string; rows: unknown[] }

type Check = { invariant: string; what: string; query: RawBuilder<Record<string, unknown>> }

/**
 * Every invariant that the database alone can show. Each query answers the rows that break it, so
 * an empty answer is the proof. They hold at every instant, apart from those named `drained`.
 */
const CHECKS: Check[] = [
  {
    invariant: 'I2',
    what: 'one transaction per idempotency key',
    query: sql`select k.key from idempotency_keys k where k.operation = 'createOrder'
      and not exists (select 1 from transactions t where t.id = k.transaction_id)`,
  },
  {
    invariant: 'I4',
    what: "the transaction's customer and currency are those of its purchase order",
    query: sql`select t.id from transactions t left join purchase_orders po
      on po.id = t.purchase_order_id and po.account_id = t.account_id
        and po.customer_id = t.customer_id and po.currency = t.currency
      where po.id is null`,
  },
  {
    invariant: 'I5',
    what: 'at most one open purchase order per customer and currency',
    query: sql`select account_id, customer_id, currency from purchase_orders where state = 'open'
      group by 1, 2, 3 having count(*) > 1`,
  },
  {
    invariant: 'I5',
    what: 'the purchase order was the one open at the instant of acceptance',
    query: sql`select t.id, t.accepted_at, po.period_start, po.period_end from transactions t
      join purchase_orders po on po.id = t.purchase_order_id
      where t.accepted_at < po.period_start or t.accepted_at >= po.period_end`,
  },
  {
    invariant: 'I5',
    what: 'the periods of a customer and currency do not overlap',
    query: sql`select a.id, b.id as other from purchase_orders a join purchase_orders b
      on a.account_id = b.account_id and a.customer_id = b.customer_id and a.currency = b.currency
        and a.id < b.id and a.period_start < b.period_end and b.period_start < a.period_end`,
  },
  {
    invariant: 'I5',
    what: 'the clock was read under the lock: later positions have later instants',
    query: sql`select id, accepted_at, before from (
        select id, accepted_at, lag(accepted_at) over (
          partition by purchase_order_id order by position) as before from transactions) ordered
      where accepted_at < before`,
  },
  {
    invariant: 'I6',
    what: 'nothing was added after the close',
    query: sql`select t.id from transactions t join purchase_orders po on po.id = t.purchase_order_id
      where po.closed_at is not null and t.accepted_at > po.closed_at`,
  },
  {
    invariant: 'I6',
    what: 'positions run from 1 without gaps',
    query: sql`select purchase_order_id from transactions group by 1
      having min(position) <> 1 or max(position) <> count(*)`,
  },
  {
    invariant: 'I7',
    what: 'a delivered unit has exactly one code of its own account and product',
    query: sql`select u.id from units u left join codes c on c.unit_id = u.id
        and c.account_id = u.account_id and c.product_id = u.product_id and c.variant_id = u.variant_id
      where (u.state in ('allocated', 'reversed')) <> (c.id is not null)`,
  },
  {
    invariant: 'I8',
    what: 'an order has the units that were asked for',
    query: sql`select t.id from transactions t where t.unit_count <>
        (select count(*) from units u where u.transaction_id = t.id and u.replaces_unit_id is null)
      or t.unit_count <> (select sum(quantity) from lines l where l.transaction_id = t.id)`,
  },
  {
    invariant: 'I8',
    what: 'an ended order has no open unit, and an open one has',
    query: sql`select t.id from transactions t where (t.ended_at is not null) = exists (
      select 1 from units u where u.transaction_id = t.id
        and u.state in ('queued', 'sourcing', 'backordered', 'unknown'))
      and (t.ended_at is not null or t.event_sequence > 1)`,
  },
  {
    invariant: 'I14',
    what: 'an order is the sum of its lines',
    query: sql`select t.id from transactions t where t.total_minor <>
      (select sum(total_minor) from lines l where l.transaction_id = t.id)`,
  },
  {
    invariant: 'I14',
    what: 'an invoice is the sum of its lines',
    query: sql`select i.id from invoices i where i.subtotal_minor <>
      (select sum(net_minor) from invoice_lines l where l.invoice_id = i.id)`,
  },
  {
    invariant: 'I14',
    what: "a customer's hold is the price of the units that are neither billed nor given up",
    query: sql`select b.customer_id, b.currency, b.held_minor from customer_balances b
      where b.held_minor <> (select coalesce(sum(u.price_minor), 0) from units u
        join transactions t on t.id = u.transaction_id
        where t.account_id = b.account_id and t.customer_id = b.customer_id
          and t.currency = b.currency and t.payment_method = 'credit'
          and u.invoice_line_id is null
          and u.state not in ('failed', 'cancelled', 'reversed'))`,
  },
  {
    invariant: 'I14',
    what: 'what a customer owes is the sum of the invoices less their credit notes',
    query: sql`select b.customer_id, b.currency, b.invoiced_minor from customer_balances b
      where b.invoiced_minor <> (select coalesce(sum(i.total_minor - invoice_paid(i.account_id, i.id) - (
            select coalesce(sum(c.total_minor), 0) from credit_notes c
            where c.invoice_id = i.id and c.state = 'issued')), 0)
        from invoices i
        where i.account_id = b.account_id and i.customer_id = b.customer_id
          and i.currency = b.currency and i.state = 'open')`,
  },
  {
    invariant: 'I15',
    what: 'invoice numbers are gapless, unique and follow the dates',
    query: sql`select series from (
        select series, number_value, row_number() over w as expected, issue_date,
          lag(issue_date) over w as before, account_id
        from invoices window w as (partition by account_id, series order by number_value)) numbered
      where number_value <> expected or issue_date < before
      union all
      select c.series from counters c
      where c.series not in (select unnest(array[invoice_series, credit_note_series])
          from accounts a where a.id = c.account_id)
        and c.value <> (select count(*) from invoices i
            where i.account_id = c.account_id and i.series = c.series)
          + (select count(*) from credit_notes n
            where n.account_id = c.account_id and n.series = c.series)`,
  },
  {
    invariant: 'I15',
    what: 'numbers of credit notes are gapless, unique, follow the dates and their invoices',
    query: sql`select series from (
        select n.series, n.number_value, row_number() over w as expected, n.issue_date,
          lag(n.issue_date) over w as before, i.issue_date as invoice_date
        from (select * from credit_notes where state = 'issued') n
        join invoices i on i.id = n.invoice_id
        window w as (partition by n.account_id, n.series order by n.number_value)) numbered
      where number_value <> expected or issue_date < before or issue_date < invoice_date`,
  },
  {
    invariant: 'I14',
    what: 'what is credited of units, tax groups and invoices is the sum of the credit notes',
    query: sql`select u.id from units u where u.credited_minor <>
        (select coalesce(sum(net_minor), 0) from credit_note_units c where c.unit_id = u.id)
      union all
      select i.id from invoices i where i.credited_minor <>
        (select coalesce(sum(total_minor), 0) from credit_notes c where c.invoice_id = i.id)
      union all
      select t.invoice_id from invoice_taxes t where (t.credited_minor, t.credited_tax_minor) is distinct from
        (select (coalesce(sum(p.taxable_minor), 0)::bigint, coalesce(sum(p.tax_minor), 0)::bigint)
          from credit_note_taxes p join credit_notes c on c.id = p.credit_note_id
          where c.invoice_id = t.invoice_id and p.category = t.category and p.rate_bp = t.rate_bp)
      union all
      select c.id from credit_notes c where c.subtotal_minor <>
          (select sum(net_minor) from credit_note_units u where u.credit_note_id = c.id)
        or (c.state = 'issued' and c.subtotal_minor <>
          (select sum(net_minor) from credit_note_lines l where l.credit_note_id = c.id))
        or c.tax_minor <> (select sum(tax_minor) from credit_note_taxes t where t.credit_note_id = c.id)`,
  },
  {
    invariant: 'I16',
    what: 'an invoice line bills as many units as it says, of its own purchase order',
    query: sql`select l.id from invoice_lines l join invoices i on i.id = l.invoice_id
      where l.quantity <> (select count(*) from units u where u.invoice_line_id = l.id
        and u.purchase_order_id = i.purchase_order_id and u.price_minor = l.unit_price_minor)`,
  },
  {
    invariant: 'I16',
    what: 'an invoiced purchase order has billed all that was delivered before',
    query: sql`select u.id from units u join purchase_orders po on po.id = u.purchase_order_id
      where po.invoiced_at is not null and u.allocated_at < po.invoiced_at
        and u.invoice_line_id is null and u.state = 'allocated' and u.replaces_unit_id is null`,
  },
  {
    invariant: 'I18',
    what: 'a delivery ends with a 2xx, or after six attempts, or cancelled; never two of them',
    query: sql`select d.id, d.state, d.attempt_count from deliveries d
      left join lateral (select count(*) as n, count(distinct number) as numbers, max(number) as last,
        count(*) filter (where state = 'delivered') as delivered,
        count(*) filter (where state = 'sending') as sending
        from attempts a where a.delivery_id = d.id) a on true
      where a.n <> a.numbers or coalesce(a.last, 0) <> a.n or a.n <> d.attempt_count
        or (d.state = 'delivered') <> (a.delivered = 1)
        or (d.state = 'failed' and (a.n <> 6 or a.sending > 0))`,
  },
  {
    invariant: 'I20',
    what: 'one event per transition, numbered without gaps',
    query: sql`select object_id from events group by account_id, object_id
        having min(sequence) <> 1 or max(sequence) <> count(*)
      union all
      select t.id from transactions t where
        (select count(*) from events e where e.object_id = t.id and e.type = 'order.created') <> 1
        or (select count(*) from events e where e.object_id = t.id
          and e.type in ('order.fulfilled', 'order.cancelled'))
          <> case when t.ended_at is null then 0 else 1 end`,
  },
  {
    invariant: 'I22',
    what: 'nothing is delivered of an order by card before its money has come',
    query: sql`select u.id from units u join transactions t on t.id = u.transaction_id
      where t.pay_by is not null and u.allocated_at is not null
        and (t.paid_at is null or u.allocated_at < t.paid_at)`,
  },
  {
    invariant: 'I20',
    what: 'fan-out reaches each endpoint once',
    query: sql`select event_id, webhook_id from deliveries where cause in ('event', 'replay')
      group by 1, 2 having count(*) > 1`,
  },
]

/** Everything that must be true of the database at this instant. */
export async function checkDatabase(db: Db): Promise<Violation[]> {
  const violations: Violation[] = []
  for (const { invariant, what, query } of CHECKS) {
    const { rows } = await query.execute(db)
    if (rows.length > 0) violations.push({ invariant, what, rows: rows.slice(0, 5) })
  }
  violations.push(...(await checkAttemptTimes(db)), ...(await checkSnapshots(db)))
  return violations
}

/**
 * I19: attempts come after the published delays, never earlier. `lateSecondsMax` is how late they
 * may be: five seconds where nothing was down.
 */
export async function checkAttemptTimes(
  db: Db,
  options: { accountId?: string; lateSecondsMax?: number } = {},
): Promise<Violation[]> {
  const { accountId = null, lateSecondsMax = null } = options
  const { rows } = await sql`
    select delivery_id, number, late_seconds from (
      select a.delivery_id, a.number, extract(epoch from a.started_at
          - lag(a.finished_at) over (partition by a.delivery_id order by a.number))
        - (${sql.val([...WEBHOOK_DELAYS_SECONDS])}::int[])[a.number] as late_seconds
      from attempts a where ${accountId}::text is null or a.account_id = ${accountId}) timed
    where late_seconds < 0 or late_seconds > ${lateSecondsMax}::numeric`.execute(db)
  if (rows.length === 0) return []
  return [{ invariant: 'I19', what: 'attempts come after the published delays', rows }]
}

/** I17: the frozen content of every invoice and credit note still has the hash that was stored with it. */
async function checkSnapshots(db: Db): Promise<Violation[]> {
  const invoices = db.selectFrom('invoices').select(['id', 'snapshot', 'snapshot_hash'])
  const { rows } = await sql<{ id: string; snapshot: JsonValue; snapshot_hash: Buffer }>`
    ${invoices} union all
    select id, snapshot, snapshot_hash from credit_notes where state = 'issued'`.execute(db)
  const changed = rows.filter((row) => {
    const hash = createHash('sha256').update(canonicalJson(row.snapshot)).digest()
    return !hash.equals(row.snapshot_hash)
  })
  if (changed.length === 0) return []
  return [
    {
      invariant: 'I17',
      what: 'an issued invoice never changes',
      rows: changed.map((row) => row.id),
    },
  ]
}
