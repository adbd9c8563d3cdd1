import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { canonicalJson } from '../domain/canonical-json.ts'
import type { UnitState } from '../domain/unit.ts'
import type { Tx } from './client.ts'
import {
  listOrderJournals,
  type OrderCheck,
  type OrderKey,
  type ProofJournal,
} from './order-proofs.ts'

/** As many units as an order may have (design 3.1); of everything else this is plenty to read. */
const ROWS_MAX = 10_000

export type ProofUnit = {
  id: string
  line_id: string
  position: number
  sku: string
  price_minor: bigint
  credited_minor: bigint
  state: UnitState
  reason: string | null
  allocated_at: Date | null
  replaces_unit_id: string | null
  invoice_id: string | null
  code_id: string | null
  /** Empty where the code is too short to show a part of it. */
  last4: string | null
}

export type ProofInvoiceLine = {
  invoice_id: string
  invoice_number: string
  state: 'open' | 'paid' | 'void'
  position: number
  sku: string
  unit_price_minor: bigint
  /** Of the line. */
  quantity: number
  net_minor: bigint
  /** Of them, those of this order. */
  units: bigint
}

export type ProofCreditNote = {
  id: string
  number: string | null
  invoice_id: string
  state: 'pending' | 'issued'
  /** What it takes back of this order, without tax. */
  net_minor: bigint
}

/** Money: taken by the payment provider for the order, or received for one of its invoices. */
export type ProofPayment = {
  kind: 'captured' | 'refunded' | 'received'
  id: string
  status: string
  /** The payment that is refunded, the invoice that it came in for, or nothing. */
  for_id: string | null
  amount_minor: bigint
}

export type ProofDelivery = {
  id: string
  event_id: string
  event_type: string
  webhook_id: string
  state: string
  attempts: number
  ended_at: Date | null
}

/** Everything that the sums of an order are made of. At most `ROWS_MAX` of each. */
export type ProofParts = {
  units: ProofUnit[]
  journals: ProofJournal[]
  invoiceLines: ProofInvoiceLine[]
  creditNotes: ProofCreditNote[]
  payments: ProofPayment[]
  deliveries: ProofDelivery[]
}

/** The rows behind an order's sums; the number of statements does not depend on them. */
export async function listProofParts(tx: Tx, key: OrderKey): Promise<ProofParts> {
  const { accountId, transactionId } = key
  const units = await sql<ProofUnit>`
    select u.id, u.line_id, u.position, l.sku, u.price_minor, u.credited_minor, u.state, u.reason,
      u.allocated_at, u.replaces_unit_id, il.invoice_id, c.id as code_id, c.last4
    from units u
    join lines l on l.account_id = u.account_id and l.id = u.line_id
    left join invoice_lines il on il.account_id = u.account_id and il.id = u.invoice_line_id
    left join codes c on c.account_id = u.account_id and c.unit_id = u.id
    where u.account_id = ${accountId} and u.transaction_id = ${transactionId}
    order by u.position, u.id limit ${ROWS_MAX}`.execute(tx)
  const invoiceLines = await sql<ProofInvoiceLine>`
    select i.id as invoice_id, i.number as invoice_number, i.state, l.position, l.sku,
      l.unit_price_minor, l.quantity, l.net_minor, billed.units
    from (select invoice_line_id, count(*) as units from units
      where account_id = ${accountId} and transaction_id = ${transactionId}
      group by invoice_line_id) billed
    join invoice_lines l on l.account_id = ${accountId} and l.id = billed.invoice_line_id
    join invoices i on i.account_id = l.account_id and i.id = l.invoice_id
    order by i.run, i.tax_group, l.position limit ${ROWS_MAX}`.execute(tx)
  const creditNotes = await sql<ProofCreditNote>`
    select n.id, n.number, n.invoice_id, n.state, sum(c.net_minor)::bigint as net_minor
    from units u
    join credit_note_units c on c.account_id = u.account_id and c.unit_id = u.id
    join credit_notes n on n.account_id = c.account_id and n.id = c.credit_note_id
    where u.account_id = ${accountId} and u.transaction_id = ${transactionId}
    group by n.id order by n.created_at, n.id limit ${ROWS_MAX}`.execute(tx)
  const payments = await sql<ProofPayment>`
    select 'captured' as kind, p.id, p.state as status, null as for_id,
      p.captured_minor as amount_minor, p.created_at
    from payment_intents p
    where p.account_id = ${accountId} and p.transaction_id = ${transactionId}
    union all
    select 'refunded', r.id, r.state, r.payment_id, r.amount_minor, r.created_at
    from payment_intents p join refunds r on r.account_id = p.account_id and r.payment_id = p.id
    where p.account_id = ${accountId} and p.transaction_id = ${transactionId}
    union all
    select 'received', r.id, 'recorded', r.invoice_id, r.amount_minor, r.created_at
    from received_payments r where r.account_id = ${accountId} and r.invoice_id in (
      select l.invoice_id from units u
      join invoice_lines l on l.account_id = u.account_id and l.id = u.invoice_line_id
      where u.account_id = ${accountId} and u.transaction_id = ${transactionId})
    order by created_at, id limit ${ROWS_MAX}`.execute(tx)
  const deliveries = await sql<ProofDelivery>`
    select d.id, d.event_id, v.type as event_type, d.webhook_id, d.state,
      d.attempt_count as attempts, d.ended_at
    from events v join deliveries d on d.account_id = v.account_id and d.event_id = v.id
    where v.account_id = ${accountId} and v.object_id = ${transactionId}
    order by v.sequence, d.created_at, d.id limit ${ROWS_MAX}`.execute(tx)
  return {
    units: units.rows,
    journals: await listOrderJournals(tx, key, ROWS_MAX),
    invoiceLines: invoiceLines.rows,
    creditNotes: creditNotes.rows,
    payments: payments.rows,
    deliveries: deliveries.rows,
  }
}

/** Whether the frozen content of invoices still has the hash that it was issued with. */
export async function checkInvoiceHashes(
  tx: Tx,
  accountId: string,
  invoiceIds: string[],
): Promise<OrderCheck[]> {
  const rows = await tx
    .selectFrom('invoices')
    .select(['id', 'snapshot', 'snapshot_hash'])
    .where('account_id', '=', accountId)
    .where('id', 'in', invoiceIds.length === 0 ? [''] : invoiceIds)
    .orderBy('id')
    .execute()
  return rows.map(({ id, snapshot, snapshot_hash }) => {
    const hash = createHash('sha256').update(canonicalJson(snapshot)).digest()
    return {
      name: 'unchanged',
      says: 'An invoice is what it was when it was issued: its content has the hash of that day.',
      measure: 'count' as const,
      subject: id,
      expected: 1n,
      actual: hash.equals(snapshot_hash) ? 1n : 0n,
    }
  })
}
