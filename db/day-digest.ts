import { sql } from 'kysely'
import type {
  DayDigest,
  DigestCustomer,
  DigestDocument,
  OpenPurchaseOrder,
} from '../domain/day-digest.ts'
import type { Db } from './client.ts'

const NAME = sql`coalesce(c.company, nullif(concat_ws(' ', c.first_name, c.last_name), ''), c.email)`

/**
 * Reads a business date for its digest, in five statements however much was ordered. Each first invoice is
 * told by the business date that it bills, every other document by the date that it bears: in one
 * digest each.
 */
export async function getDayDigest(
  db: Db,
  { accountId, businessDate: date }: { accountId: string; businessDate: string },
): Promise<DayDigest> {
  const { rows } = await sql<Pick<DayDigest, 'seller' | 'recipients' | 'since'>>`
    select a.legal_name as seller, coalesce(a.finance_recipients, array[a.finance_email]) as recipients,
      (select max(d.business_date)::text from account_days d
        where d.account_id = a.id and d.business_date < ${date}::date) as since
    from accounts a where a.id = ${accountId}`.execute(db)
  const head = rows[0]
  if (head === undefined) throw new Error(`${accountId} is no account`)
  return {
    businessDate: date,
    ...head,
    customers: await listCustomers(db, accountId, date),
    documents: await listDocuments(db, accountId, { date, since: head.since }),
    open: await listOpen(db, accountId, date),
  }
}

async function listCustomers(db: Db, accountId: string, date: string): Promise<DigestCustomer[]> {
  const { rows } = await sql<DigestCustomer>`
    with day as (
      select id, customer_id, currency from purchase_orders
      where account_id = ${accountId} and business_date = ${date}::date
    ), ordered as (
      select day.customer_id, day.currency, count(distinct day.id)::integer as purchase_orders,
        count(t.id)::integer as transactions,
        coalesce(sum(t.total_minor), 0)::bigint as accepted_minor
      from day left join transactions t on t.account_id = ${accountId}
        and t.purchase_order_id = day.id
      group by 1, 2
    ), billed as (
      select day.customer_id, day.currency, count(*)::integer as invoices,
        sum(i.tax_minor)::bigint as tax_minor, sum(i.total_minor)::bigint as invoiced_minor
      from day join invoices i on i.account_id = ${accountId} and i.purchase_order_id = day.id
        and i.run = 1
      group by 1, 2
    )
    select ordered.*, ${NAME} as name, coalesce(billed.invoices, 0) as invoices,
      coalesce(billed.tax_minor, 0)::bigint as tax_minor,
      coalesce(billed.invoiced_minor, 0)::bigint as invoiced_minor
    from ordered left join billed using (customer_id, currency)
    join customers c on c.account_id = ${accountId} and c.id = ordered.customer_id
    order by ordered.currency, name, ordered.customer_id`.execute(db)
  return rows
}

async function listDocuments(
  db: Db,
  accountId: string,
  { date, since }: { date: string; since: string | null },
): Promise<DigestDocument[]> {
  const issued = (table: string) => sql`${sql.ref(`${table}.issue_date`)} <= ${date}::date
    and (${since}::date is null or ${sql.ref(`${table}.issue_date`)} > ${since}::date)`
  const { rows } = await sql<DigestDocument>`
    select document.*, ${NAME} as name from (
      select case when run = 1 then 'invoice' else 'supplementary_invoice' end as kind, id, number,
        customer_id, currency, business_date::text, issue_date::text, due_date::text, subtotal_minor,
        tax_minor, total_minor
      from invoices where account_id = ${accountId}
        and case when run = 1 then business_date = ${date}::date else ${issued('invoices')} end
      union all
      select 'credit_note', n.id, n.number, n.customer_id, n.currency, i.business_date::text,
        n.issue_date::text, null, n.subtotal_minor, n.tax_minor, n.total_minor
      from credit_notes n join invoices i on i.account_id = n.account_id and i.id = n.invoice_id
      where n.account_id = ${accountId} and n.state = 'issued' and ${issued('n')}
    ) document
    join customers c on c.account_id = ${accountId} and c.id = document.customer_id
    order by document.kind = 'credit_note', document.kind, document.number`.execute(db)
  return rows
}

async function listOpen(db: Db, accountId: string, date: string): Promise<OpenPurchaseOrder[]> {
  const { rows } = await sql<OpenPurchaseOrder>`
    select po.id, po.customer_id, ${NAME} as name, po.currency, po.business_date::text, po.sequence,
      po.state, po.held_at is not null as held
    from purchase_orders po
    join customers c on c.account_id = po.account_id and c.id = po.customer_id
    where po.account_id = ${accountId} and po.business_date = ${date}::date and po.ended_at is null
    order by name, po.currency, po.sequence`.execute(db)
  return rows
}
