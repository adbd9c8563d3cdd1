import { sql, type RawBuilder } from 'kysely'
import type { Tx } from './client.ts'

/** Whose order, and which. */
export type OrderKey = { accountId: string; transactionId: string }

/** What the two sides of a check count: minor units of the order's currency, or pieces. */
export type Measure = 'money' | 'count'

/** Two sums that must be equal, as they are now. */
export type OrderCheck = {
  name: string
  /** Which two things are equal, in the words of finance. */
  says: string
  measure: Measure
  /** The order, or which of its invoices or payments. */
  subject: string
  expected: bigint
  actual: bigint
}

/**
 * What the checks look at, by name: the order, its units, its invoices and payments, and every entry
 * of the journals about any of them. A journal's source is an id, or a part of one after a slash
 * (0 comes after /).
 */
const SUBJECTS = ({ accountId, transactionId }: OrderKey) => sql`
  with ordered as materialized (
    select * from transactions where account_id = ${accountId} and id = ${transactionId}
  ), unit as materialized (
    select u.*, l.invoice_id from units u
    left join invoice_lines l on l.account_id = u.account_id and l.id = u.invoice_line_id
    where u.account_id = ${accountId} and u.transaction_id = ${transactionId}
  ), invoice as materialized (
    select * from invoices where account_id = ${accountId} and id in (select invoice_id from unit)
  ), payment as materialized (
    select * from payment_intents
    where account_id = ${accountId} and transaction_id = ${transactionId}
  ), about as materialized (
    select id, id as part_of from ordered
    union all select id, id from invoice
    union all select id, id from payment
    union all select r.id, r.payment_id from refunds r
      where r.account_id = ${accountId} and r.payment_id in (select id from payment)
  ), journal as materialized (
    select j.*, about.part_of from about join journals j on j.account_id = ${accountId}
      and j.source_id >= about.id and j.source_id < about.id || '0'
  ), entry as materialized (
    select journal.id as journal_id, journal.part_of, journal.kind as journal, a.kind as account,
      e.amount_minor
    from journal
    join entries e on e.journal_id = journal.id
    join ledger_accounts a on a.id = e.ledger_account_id
  )`

/** What the journals about one thing moved on an account; debits are positive. */
const posted = (id: string, account: string, journals?: string[]) => sql`
  (select coalesce(sum(amount_minor), 0) from entry
    where part_of = ${sql.ref(id)} and account = ${account} ${
      journals === undefined ? sql`` : sql`and journal = any(${journals}::text[])`
    })`

type Check = {
  name: string
  says: string
  measure: Measure
  /** The rows of `SUBJECTS` that have these two sums, each. */
  of: 'ordered' | 'invoice' | 'payment'
  expected: RawBuilder<unknown>
  actual: RawBuilder<unknown>
}

/** What must be true of every order at every instant, whatever stage it is in. */
const CHECKS: readonly Check[] = [
  {
    name: 'lines',
    says: 'The lines add up to the order.',
    measure: 'money',
    of: 'ordered',
    expected: sql`ordered.total_minor`,
    actual: sql`(select sum(l.total_minor) from lines l
      where l.account_id = ordered.account_id and l.transaction_id = ordered.id)`,
  },
  {
    name: 'units',
    says: 'The units add up to the order; what replaced one of them costs nothing.',
    measure: 'money',
    of: 'ordered',
    expected: sql`ordered.total_minor`,
    actual: sql`(select sum(price_minor) from unit)`,
  },
  {
    name: 'pieces',
    says: 'Every piece that was ordered is delivered, open, failed or cancelled.',
    measure: 'count',
    of: 'ordered',
    expected: sql`ordered.unit_count`,
    actual: sql`(select count(*) from unit where replaces_unit_id is null)`,
  },
  {
    name: 'codes',
    says: 'Every delivered piece has its code, and no other piece has one.',
    measure: 'count',
    of: 'ordered',
    expected: sql`(select count(*) from unit where allocated_at is not null)`,
    actual: sql`(select count(*) from unit
      join codes c on c.account_id = unit.account_id and c.unit_id = unit.id)`,
  },
  {
    name: 'held',
    says: 'What was held for it is the price of the units on credit that were not given up.',
    measure: 'money',
    of: 'ordered',
    expected: sql`(select sum(price_minor) from unit
      where ordered.payment_method = 'credit' and state not in ('failed', 'cancelled')
        and (state <> 'reversed' or invoice_id is not null))`,
    actual: posted('ordered.id', 'held'),
  },
  {
    name: 'revenue',
    says: 'Revenue is the price of what was delivered, less what was taken back before it was billed.',
    measure: 'money',
    of: 'ordered',
    expected: sql`(select sum(price_minor) from unit
      where allocated_at is not null and (state = 'allocated' or invoice_id is not null))`,
    actual: sql`- ${posted('ordered.id', 'revenue')}`,
  },
  {
    name: 'billed',
    says: 'What an invoice says of this order is the price of the units that it billed.',
    measure: 'money',
    of: 'invoice',
    expected: sql`(select sum(price_minor) from unit where invoice_id = invoice.id)`,
    actual: sql`(select sum((said ->> 'total_minor')::bigint)
      from jsonb_array_elements(invoice.snapshot -> 'transactions') said
      where said ->> 'transaction_id' = (select id from ordered))`,
  },
  {
    name: 'invoice_lines',
    says: 'The lines of an invoice are the units that it billed.',
    measure: 'money',
    of: 'invoice',
    expected: sql`(select sum(l.net_minor) from invoice_lines l
      where l.account_id = invoice.account_id and l.invoice_id = invoice.id)`,
    actual: sql`(select sum(u.price_minor) from units u
      cross join lateral (select 1 from invoice_lines l
        where l.id = u.invoice_line_id and l.invoice_id = invoice.id limit 1) line
      where u.account_id = invoice.account_id and u.purchase_order_id = invoice.purchase_order_id)`,
  },
  {
    name: 'invoice_total',
    says: 'The lines of an invoice and its tax are its total.',
    measure: 'money',
    of: 'invoice',
    expected: sql`invoice.total_minor`,
    actual: sql`(select sum(l.net_minor) + invoice.tax_minor from invoice_lines l
      where l.account_id = invoice.account_id and l.invoice_id = invoice.id)`,
  },
  {
    name: 'posted',
    says: 'What an invoice says was posted as receivable when it was issued.',
    measure: 'money',
    of: 'invoice',
    expected: sql`invoice.total_minor`,
    actual: posted('invoice.id', 'receivable', ['invoice_issued']),
  },
  {
    name: 'settled',
    says: 'What an invoice billed was paid, was credited or is still owed.',
    measure: 'money',
    of: 'invoice',
    expected: sql`invoice.total_minor`,
    actual: sql`invoice_owed(invoice.account_id, invoice.id)
      + invoice_paid(invoice.account_id, invoice.id)
      + ${posted('invoice.id', 'unallocated_cash', ['credit_note_issued'])}
      + (select coalesce(sum(c.total_minor), 0) from credit_notes c
        where c.account_id = invoice.account_id and c.invoice_id = invoice.id and c.state = 'issued')`,
  },
  {
    name: 'invoice_state',
    says: 'An open invoice owes something, a paid or void one owes nothing.',
    measure: 'count',
    of: 'invoice',
    expected: sql`(invoice.state = 'open' and invoice.total_minor > 0)::integer`,
    actual: sql`sign(invoice_owed(invoice.account_id, invoice.id))`,
  },
  {
    name: 'credited',
    says: 'What is credited of its units is what credit notes take back.',
    measure: 'money',
    of: 'ordered',
    expected: sql`(select sum(credited_minor) from unit)`,
    actual: sql`(select sum(c.net_minor) from unit
      join credit_note_units c on c.account_id = unit.account_id and c.unit_id = unit.id)`,
  },
  {
    name: 'captured',
    says: 'What a payment captured is what was posted as prepaid.',
    measure: 'money',
    of: 'payment',
    expected: sql`payment.captured_minor`,
    actual: sql`- ${posted('payment.id', 'prepayments', ['payment_captured'])}`,
  },
  {
    name: 'refunded',
    says: 'What was refunded of a payment is what its refunds moved at the provider.',
    measure: 'money',
    of: 'payment',
    expected: sql`payment.refunded_minor`,
    actual: sql`- ${posted('payment.id', 'psp_clearing', ['refund_succeeded', 'refund_returned'])}`,
  },
  {
    name: 'balanced',
    says: 'Every journal about it has entries that add up to zero.',
    measure: 'count',
    of: 'ordered',
    expected: sql`0`,
    actual: sql`(select count(*) from (select journal.id from journal
      left join entry on entry.journal_id = journal.id
      group by journal.id having coalesce(sum(entry.amount_minor), 1) <> 0) unbalanced)`,
  },
  {
    name: 'events',
    says: 'Every change of it was told once, in its order.',
    measure: 'count',
    of: 'ordered',
    expected: sql`ordered.event_sequence`,
    actual: sql`(select count(*) from events v where v.account_id = ordered.account_id
      and v.object_id = ordered.id and v.sequence <= ordered.event_sequence)`,
  },
]

/** The sums about one order that must match, as they are at one instant. One statement. */
export async function checkOrder(tx: Tx, key: OrderKey): Promise<OrderCheck[]> {
  const queries = CHECKS.map(
    ({ of, expected, actual }, index) => sql`select ${sql.lit(index)} as check_index,
      id as subject, coalesce(${expected}, 0)::bigint as expected,
      coalesce(${actual}, 0)::bigint as actual from ${sql.ref(of)}`,
  )
  const { rows } = await sql<{
    check_index: number
    subject: string
    expected: bigint
    actual: bigint
  }>`${SUBJECTS(key)} ${sql.join(queries, sql` union all `)} order by check_index, subject`.execute(
    tx,
  )
  return rows.flatMap(({ check_index, ...sides }) => {
    const check = CHECKS[check_index]
    if (check === undefined) return []
    return [{ name: check.name, says: check.says, measure: check.measure, ...sides }]
  })
}

export type ProofJournal = {
  id: string
  kind: string
  source_id: string
  occurred_at: Date
  entries: { account: string; amount_minor: string }[]
}

/** Every journal about the order, its invoices and its payments, in the order of posting. */
export async function listOrderJournals(
  tx: Tx,
  key: OrderKey,
  rowsMax: number,
): Promise<ProofJournal[]> {
  const { rows } = await sql<ProofJournal>`${SUBJECTS(key)}
    select j.id, j.kind, j.source_id, j.occurred_at, moved.entries
    from journal j
    left join (select journal_id, jsonb_agg(jsonb_build_object('account', account,
        'amount_minor', amount_minor::text) order by account) as entries
      from entry group by journal_id) moved on moved.journal_id = j.id
    order by j.created_at, j.id limit ${rowsMax}`.execute(tx)
  return rows.map((row) => ({ ...row, entries: row.entries ?? [] }))
}
