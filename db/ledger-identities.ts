import { sql, type RawBuilder } from 'kysely'

export type Identity = {
  name: string
  /** Which two things are equal, in the words of finance. */
  says: string
}

/** Balances of ledger accounts by customer and currency, of one kind. */
const ledger = (kind: string, sign: 1 | -1 = 1) => sql`
  select a.account_id, a.customer_id as subject, a.currency,
    (${sql.lit(sign)} * sum(e.amount_minor))::bigint as minor
  from entries e join ledger_accounts a on a.id = e.ledger_account_id
  where a.kind = ${sql.lit(kind)} and a.customer_id is not null group by 1, 2, 3`

/** The balance of one kind of ledger account by account and currency, also of what is no customer's. */
const ofAccount = (kind: string, journals: RawBuilder<unknown>) => sql`
  select a.account_id, a.account_id as subject, a.currency, sum(e.amount_minor)::bigint as minor
  from entries e join ledger_accounts a on a.id = e.ledger_account_id
  join journals j on j.id = e.journal_id
  where a.kind = ${sql.lit(kind)} and ${journals} group by 1, 2, 3`

/** The same for the entries of one kind of journal only. */
const posted = (journal: string, kind: string, sign: 1 | -1 = 1) => sql`
  select j.account_id, j.customer_id as subject, j.currency,
    (${sql.lit(sign)} * sum(e.amount_minor))::bigint as minor
  from journals j join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = ${sql.lit(kind)}
  where j.kind = ${sql.lit(journal)} group by 1, 2, 3`

const units = (condition: RawBuilder<unknown>) => sql`
  select t.account_id, t.customer_id as subject, t.currency, sum(u.price_minor)::bigint as minor
  from units u join transactions t on t.account_id = u.account_id and t.id = u.transaction_id
  where ${condition} group by 1, 2, 3`

/** What issued credit notes took back of units, as a negative amount without tax. */
const credited = (condition: RawBuilder<unknown>) => sql`
  select n.account_id, n.customer_id as subject, n.currency, - sum(c.net_minor)::bigint as minor
  from credit_notes n join credit_note_units c on c.credit_note_id = n.id
  join units u on u.account_id = c.account_id and u.id = c.unit_id
  where n.state = 'issued' and ${condition} group by 1, 2, 3`

const balances = (column: string) => sql`
  select account_id, customer_id as subject, currency, ${sql.ref(column)} as minor
  from customer_balances`

/** Rows of two sums that are not the same; what is missing on one side is zero. */
const compare = (expected: RawBuilder<unknown>, actual: RawBuilder<unknown>) => sql`
  select account_id, subject, currency, coalesce(e.minor, 0) as expected_minor,
    coalesce(a.minor, 0) as actual_minor
  from (${expected}) e full join (${actual}) a using (account_id, subject, currency)
  where coalesce(e.minor, 0) <> coalesce(a.minor, 0)`

/**
 * The identities of finance, each with the rows that break it. The left side is what the business
 * rows say, the right side what the ledger says.
 */
export const IDENTITIES: readonly (Identity & { query: RawBuilder<unknown> })[] = [
  {
    name: 'held',
    says: 'Holds are the price of the units on credit that are neither billed nor given up.',
    query: compare(
      units(sql`t.payment_method = 'credit' and u.invoice_line_id is null
        and u.state not in ('failed', 'cancelled', 'reversed')`),
      ledger('held'),
    ),
  },
  {
    name: 'unbilled',
    says: 'Unbilled is the price of the units that are delivered and on no invoice.',
    query: compare(
      units(sql`u.state = 'allocated' and u.invoice_line_id is null`),
      ledger('unbilled'),
    ),
  },
  {
    name: 'revenue',
    says: 'Revenue is the price of the delivered units, less what was taken back of them.',
    query: compare(
      sql`select account_id, subject, currency, sum(minor)::bigint as minor from (
        ${units(sql`u.allocated_at is not null and (u.state = 'allocated' or u.invoice_line_id is not null)`)}
        union all ${credited(sql`u.allocated_at is not null`)}) net group by 1, 2, 3`,
      ledger('revenue', -1),
    ),
  },
  {
    name: 'deferred',
    says: 'Deferred revenue is the price of the billed units without a code, less what was credited.',
    query: compare(
      sql`select account_id, subject, currency, sum(minor)::bigint as minor from (
        ${units(sql`u.allocated_at is null and u.invoice_line_id is not null`)}
        union all ${credited(sql`u.allocated_at is null`)}) net group by 1, 2, 3`,
      ledger('deferred_revenue', -1),
    ),
  },
  {
    name: 'billed',
    says: 'What invoices say is what was posted as receivable when they were issued.',
    query: compare(
      sql`select account_id, customer_id as subject, currency, sum(total_minor)::bigint as minor
        from invoices group by 1, 2, 3`,
      posted('invoice_issued', 'receivable'),
    ),
  },
  {
    name: 'tax',
    says: 'Tax payable is the tax of the invoices less the tax of the credit notes.',
    query: compare(
      sql`select account_id, subject, currency, sum(minor)::bigint as minor from (
        select account_id, customer_id as subject, currency, tax_minor as minor from invoices
        union all select account_id, customer_id, currency, - tax_minor from credit_notes
          where state = 'issued') tax group by 1, 2, 3`,
      ledger('tax_payable', -1),
    ),
  },
  {
    name: 'received',
    says: 'Payments received are the cash that was posted for them.',
    query: compare(
      sql`select account_id, customer_id as subject, currency, sum(amount_minor)::bigint as minor
        from received_payments group by 1, 2, 3`,
      posted('payment_received', 'cash'),
    ),
  },
  {
    name: 'reversed',
    says: 'Payments that went back are the cash that was posted for them.',
    query: compare(
      sql`select p.account_id, p.customer_id as subject, p.currency,
          sum(p.amount_minor)::bigint as minor
        from received_payment_reversals r join received_payments p
          on p.account_id = r.account_id and p.id = r.received_payment_id
        group by 1, 2, 3`,
      posted('payment_reversed', 'cash', -1),
    ),
  },
  {
    name: 'prepaid',
    says: 'Prepayments are what was captured, less what went back and what paid invoices.',
    query: compare(
      sql`select account_id, subject, currency, sum(minor)::bigint as minor from (
        select account_id, customer_id as subject, currency, captured_minor - refunded_minor as minor
          from payment_intents where customer_id is not null
        union all select p.account_id, i.customer_id, i.currency, - p.amount_minor
          from invoice_prepayments p join invoices i on i.id = p.invoice_id
        union all select account_id, subject, currency, minor
          from (${posted('credit_note_refunded', 'prepayments', -1)}) credited) prepaid group by 1, 2, 3`,
      ledger('prepayments', -1),
    ),
  },
  {
    name: 'receivable',
    says: 'An open invoice owes something, a paid or void one owes nothing.',
    query: sql`select account_id, id as subject, currency, 0::bigint as expected_minor,
        invoice_owed(account_id, id) as actual_minor from invoices
      where case state when 'open' then invoice_owed(account_id, id) <= 0 and total_minor > 0
        else invoice_owed(account_id, id) <> 0 end`,
  },
  {
    name: 'balance_held',
    says: 'A customer’s balance of holds is its ledger account.',
    query: compare(ledger('held'), balances('held_minor')),
  },
  {
    name: 'balance_receivable',
    says: 'A customer’s balance of debts is its ledger account.',
    query: compare(ledger('receivable'), balances('invoiced_minor')),
  },
  {
    name: 'balance_unallocated',
    says: 'A customer’s balance of unallocated cash is its ledger account.',
    query: compare(ledger('unallocated_cash', -1), balances('unallocated_minor')),
  },
  {
    name: 'memo',
    says: 'Every promise beside the books has its other side.',
    query: compare(ledger('held_offset', -1), ledger('held')),
  },
  {
    name: 'clearing',
    says: 'The provider owes what was captured less fees, refunds, disputes and payouts.',
    query: compare(
      sql`select account_id, account_id as subject, currency, sum(minor)::bigint as minor from (
        select account_id, currency, captured_minor - refunded_minor
          - case state when 'succeeded' then fee_minor else 0 end as minor from payment_intents
        union all select account_id, currency, returned_minor + fee_returned_minor
          - withdrawn_minor - fee_minor from disputes where opened_at is not null) moved
        group by 1, 2, 3`,
      ofAccount('psp_clearing', sql`j.kind <> 'psp_paid_out'`),
    ),
  },
  {
    name: 'disputed',
    says: 'What is disputed is what open disputes have taken back.',
    query: compare(
      sql`select account_id, account_id as subject, currency,
          sum(withdrawn_minor - returned_minor)::bigint as minor
        from disputes where opened_at is not null and state in ('needs_response', 'under_review')
        group by 1, 2, 3`,
      ofAccount('disputed', sql`true`),
    ),
  },
  {
    name: 'authorised',
    says: 'What is authorised is what payments hold that wait for their capture.',
    query: compare(
      sql`select account_id, account_id as subject, currency, sum(authorized_minor)::bigint as minor
        from payment_intents where state = 'requires_capture' group by 1, 2, 3`,
      ofAccount('authorised', sql`true`),
    ),
  },
  {
    name: 'provider',
    says: 'What the payment provider says of the days that were compared is what our books say.',
    query: sql`select account_id, kind || ' ' || subject as subject, currency,
        coalesce(theirs_minor, 0) as expected_minor, coalesce(ours_minor, 0) as actual_minor
      from payment_differences where resolved_at is null`,
  },
  {
    name: 'lines',
    says: 'The units that an invoice billed are its lines, its total and its document.',
    query: sql`select i.account_id, i.id as subject, i.currency,
        coalesce(billed.minor, 0) as expected_minor, i.subtotal_minor as actual_minor
      from invoices i
      left join lateral (select sum(u.price_minor)::bigint as minor from units u
        cross join lateral (select 1 from invoice_lines l
          where l.id = u.invoice_line_id and l.invoice_id = i.id limit 1) line
        where u.purchase_order_id = i.purchase_order_id) billed on true
      left join lateral (select sum(l.net_minor)::bigint as minor from invoice_lines l
        where l.invoice_id = i.id) line on true
      where coalesce(billed.minor, 0) <> i.subtotal_minor
        or coalesce(line.minor, 0) <> i.subtotal_minor
        or (i.snapshot ->> 'total_minor')::bigint is distinct from i.total_minor`,
  },
  {
    name: 'balanced',
    says: 'Every journal has entries, and they add up to zero.',
    query: sql`select j.account_id, j.id as subject, j.currency, 0::bigint as expected_minor,
        coalesce(sum(e.amount_minor), 0)::bigint as actual_minor
      from journals j left join entries e on e.journal_id = j.id
      group by j.account_id, j.id, j.currency having coalesce(sum(e.amount_minor), 0) <> 0 or count(e.journal_id) < 2`,
  },
]

/** Every table that an identity reads; each row names its account. */
export const TABLES = [
  'credit_note_units',
  'credit_notes',
  'customer_balances',
  'disputes',
  'entries',
  'invoice_lines',
  'invoice_prepayments',
  'invoices',
  'journals',
  'ledger_accounts',
  'payment_differences',
  'payment_intents',
  'received_payment_reversals',
  'received_payments',
  'transactions',
  'units',
]
