import { sql } from 'kysely'
import type { EvidenceFacts } from '../domain/dispute-evidence.ts'
import type { Db } from './client.ts'

const ROWS_MAX = 200 // of each kind: more than fits into a text of evidence

/** What our rows know of a payment's order; null when the payment is of none. Reads only. */
export async function getEvidenceFacts(
  db: Db,
  key: { accountId: string; paymentId: string },
): Promise<EvidenceFacts | null> {
  const { accountId, paymentId } = key
  const { rows } = await sql<EvidenceFacts>`
    select
      json_build_object('id', p.id, 'captured_minor', p.captured_minor, 'currency', p.currency,
        'method', p.method, 'card', p.card, 'created_at', p.created_at) as payment,
      json_build_object('id', t.id, 'accepted_at', t.accepted_at, 'currency', t.currency,
        'total_minor', t.total_minor, 'billing_address', t.billing_address,
        'lines', (select coalesce(json_agg(json_build_object('sku', l.sku, 'name', l.name,
            'quantity', l.quantity, 'total_minor', l.total_minor) order by l.position), '[]')
          from lines l where l.account_id = t.account_id and l.transaction_id = t.id)) as "order",
      json_build_object('id', c.id, 'email', c.email,
        'name', coalesce(c.company, nullif(concat_ws(' ', c.first_name, c.last_name), ''), c.id))
        as customer,
      (select coalesce(json_agg(d), '[]') from (
        select l.sku, count(*)::integer as quantity, u.allocated_at as at
        from units u join lines l on l.account_id = u.account_id and l.id = u.line_id
        where u.account_id = t.account_id and u.transaction_id = t.id and u.allocated_at is not null
        group by l.sku, u.allocated_at order by u.allocated_at limit ${ROWS_MAX}) d) as delivered,
      (select coalesce(json_agg(f), '[]') from (
        select r.created_at as at, r.address, cardinality(r.code_ids) as codes
        from code_reveals r where r.account_id = t.account_id and r.transaction_id = t.id
        order by r.created_at limit ${ROWS_MAX}) f) as fetched,
      (select coalesce(json_agg(m order by m.at), '[]') from (
        (select d.created_at as at, 'event ' || e.type as what, w.url as to, d.state
        from events e
        join deliveries d on d.account_id = e.account_id and d.event_id = e.id
        join webhooks w on w.account_id = d.account_id and w.id = d.webhook_id
        where e.account_id = t.account_id and e.object_id in (t.id, 'ord_' || substr(t.id, 5))
        order by d.created_at limit ${ROWS_MAX})
        union all
        (select m.created_at, 'mail "' || m.subject || '"', array_to_string(m.recipients, ', '),
          m.state
        from mails m where m.account_id = t.account_id and m.invoice_id in (
          select i.id from invoices i where i.account_id = t.account_id
            and i.purchase_order_id = t.purchase_order_id)
        order by m.created_at limit ${ROWS_MAX})) m) as messages
    from payment_intents p
    join transactions t on t.account_id = p.account_id and t.id = p.transaction_id
    join customers c on c.account_id = t.account_id and c.id = t.customer_id
    where p.account_id = ${accountId} and p.id = ${paymentId}`.execute(db)
  return rows[0] ?? null
}
