import { sql, type Selectable } from 'kysely'
import type { CreditedTax, CreditedUnit } from '../domain/credit-note.ts'
import { DomainError, type DomainReason } from '../domain/error.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { Db, Tx } from './client.ts'
import type { DocumentNumber } from './document-numbers.ts'
import type { CreditNotes, InvoiceDocuments } from './tables.ts'

type CreditNoteKey = { accountId: string; creditNoteId: string }
type DocumentFormat = InvoiceDocuments['format']

/** Units to take back; an amount that is left out is all that was not credited yet. */
export type CreditRequest = {
  accountId: string
  /** Business key of whoever asks: asking again under it answers the same credit notes. */
  key: string
  /** Printed on the document. */
  reason: string
  /** `netMinor` is without tax. */
  units: { unitId: string; netMinor?: bigint }[]
}

type Requested =
  | { outcome: 'done'; credit_note_ids: string[] }
  | { outcome: 'refused'; reason: DomainReason; unit_id: string; left_minor: number | null }

/**
 * Takes back units in the caller's transaction: one credit note per invoice, each issued by its own
 * workflow. Units that were delivered and never billed are reversed and cost nothing. See
 * `request_credit_note` in SQL for the locks. Safe to repeat under the same key.
 *
 * @throws DomainError `credit_exceeds_invoice`, `not_billed`, `not_found` or `invalid_fields`
 */
export async function requestCreditNotes(tx: Tx, request: CreditRequest): Promise<string[]> {
  const input = {
    account_id: request.accountId,
    key: request.key,
    reason: request.reason,
    units: request.units.map(({ unitId, netMinor }) => ({
      unit_id: unitId,
      ...(netMinor === undefined ? {} : { net_minor: String(netMinor) }),
    })),
  }
  const { rows } = await sql<{ answer: Requested }>`
    select request_credit_note(${JSON.stringify(input)}::jsonb) as answer`.execute(tx)
  const answer = rows[0]?.answer
  if (answer === undefined) throw new Error('PostgreSQL did not answer')
  if (answer.outcome === 'done') return answer.credit_note_ids
  throw new DomainError(answer.reason, REFUSALS[answer.reason] ?? 'The unit cannot be credited', {
    fields: [{ field: answer.unit_id, message: `${answer.left_minor ?? 0} minor units are left` }],
  })
}

const REFUSALS: Partial<Record<DomainReason, string>> = {
  credit_exceeds_invoice: 'More would be credited than was billed',
  invalid_fields: 'A unit is named twice',
  not_billed: 'A unit was not billed yet',
  not_found: 'No such unit',
}

export type CreditNoteRow = Selectable<CreditNotes>

/** Throws `not_found`. Locked until the transaction ends: it is issued once. */
export async function lockCreditNote(tx: Tx, key: CreditNoteKey): Promise<CreditNoteRow> {
  const row = await tx
    .selectFrom('credit_notes')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.creditNoteId)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such credit note')
  return row
}

/** What a credit note is computed from; its invoice stays locked until the transaction ends. */
export async function lockCorrectedInvoice(
  tx: Tx,
  note: CreditNoteRow,
): Promise<{ invoice: InvoiceSnapshot; units: CreditedUnit[]; taxes: CreditedTax[] }> {
  const invoices = await sql<{ snapshot: InvoiceSnapshot }>`
    select snapshot from invoices where account_id = ${note.account_id} and id = ${note.invoice_id}
    for no key update`.execute(tx)
  const invoice = invoices.rows[0]?.snapshot
  if (invoice === undefined) throw new Error(`${note.id} has no invoice`)
  const units = await sql<CreditedUnit>`
    select t.id as transaction_id, t.client_reference, t.accepted_at, l.sku, l.name, l.tax_category,
      l.tax_rate_bp, u.price_minor, c.net_minor
    from credit_note_units c
    join units u on u.account_id = c.account_id and u.id = c.unit_id
    join transactions t on t.account_id = u.account_id and t.id = u.transaction_id
    join invoice_lines l on l.account_id = u.account_id and l.id = u.invoice_line_id
    where c.account_id = ${note.account_id} and c.credit_note_id = ${note.id}
    order by t.position, u.position`.execute(tx)
  const taxes = await sql<CreditedTax>`
    select category, rate_bp, taxable_minor, tax_minor from credit_note_taxes
    where account_id = ${note.account_id} and credit_note_id = ${note.id}
    order by category, rate_bp`.execute(tx)
  return { invoice, units: units.rows, taxes: taxes.rows }
}

/** What a credit note takes back of units that never got a code, without tax. */
export async function sumUndelivered(tx: Tx, note: CreditNoteRow): Promise<bigint> {
  const { rows } = await sql<{ minor: bigint }>`
    select coalesce(sum(c.net_minor), 0)::bigint as minor from credit_note_units c
    join units u on u.account_id = c.account_id and u.id = c.unit_id
    where c.account_id = ${note.account_id} and c.credit_note_id = ${note.id}
      and u.allocated_at is null`.execute(tx)
  return rows[0]?.minor ?? 0n
}

/** Freezes a credit note under its number. Only a pending one is issued. */
export async function updateCreditNoteIssued(
  tx: Tx,
  issued: CreditNoteKey & {
    number: DocumentNumber
    snapshot: InvoiceSnapshot
    snapshotHash: Buffer
  },
): Promise<void> {
  const { number, snapshot } = issued
  await tx
    .updateTable('credit_notes')
    .set({
      state: 'issued',
      series: number.series,
      number_value: number.value,
      number: number.number,
      issue_date: number.issueDate,
      issued_at: number.issuedAt,
      snapshot: JSON.stringify(snapshot),
      snapshot_hash: issued.snapshotHash,
    })
    .where('account_id', '=', issued.accountId)
    .where('id', '=', issued.creditNoteId)
    .where('state', '=', 'pending')
    .execute()
  await sql`
    insert into credit_note_lines (account_id, credit_note_id, position, sku, name,
      unit_price_minor, quantity, net_minor, tax_category, tax_rate_bp)
    select ${issued.accountId}, ${issued.creditNoteId}, line.*
    from jsonb_to_recordset(${JSON.stringify(snapshot.lines)}::jsonb) as line (position integer,
      sku text, name text, unit_price_minor bigint, quantity integer, net_minor bigint,
      tax_category text, tax_rate_bp integer)`.execute(tx)
}

/** An invoice of which nothing is left is void, once every credit note has its number. */
export async function updateInvoiceVoid(
  tx: Tx,
  key: { accountId: string; invoiceId: string },
): Promise<void> {
  await sql`update invoices i set state = 'void'
    where i.account_id = ${key.accountId} and i.id = ${key.invoiceId}
      and i.credited_minor = i.total_minor and i.state <> 'void'
      and not exists (select 1 from credit_notes c
        where c.invoice_id = i.id and c.state = 'pending')`.execute(tx)
}

/** Keeps rendered bytes. Rendering is byte-stable, so the first one stays. */
export async function insertCreditNoteDocument(
  db: Db,
  document: CreditNoteKey & { format: DocumentFormat; content: Buffer; sha256: Buffer },
): Promise<void> {
  await db
    .insertInto('credit_note_documents')
    .values({
      account_id: document.accountId,
      credit_note_id: document.creditNoteId,
      format: document.format,
      content: document.content,
      sha256: document.sha256,
    })
    .onConflict((conflict) => conflict.columns(['credit_note_id', 'format']).doNothing())
    .execute()
}

/** The bytes that are kept, or null when that format is not rendered yet. */
export async function findCreditNoteDocument(
  db: Db,
  key: CreditNoteKey & { format: DocumentFormat },
): Promise<Buffer | null> {
  const row = await db
    .selectFrom('credit_note_documents')
    .select('content')
    .where('account_id', '=', key.accountId)
    .where('credit_note_id', '=', key.creditNoteId)
    .where('format', '=', key.format)
    .executeTakeFirst()
  return row?.content ?? null
}

/** Its mail reached somebody. Repeatable: the first time stays. */
export async function updateCreditNoteSent(db: Db, key: CreditNoteKey): Promise<void> {
  await db
    .updateTable('credit_notes')
    .set({ sent_at: sql<Date>`business_now(${key.accountId})` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.creditNoteId)
    .where('sent_at', 'is', null)
    .execute()
}

/** Its workflow has nothing left to do. Repeatable. */
export async function updateCreditNoteEnded(db: Db, key: CreditNoteKey): Promise<void> {
  await db
    .updateTable('credit_notes')
    .set({ ended_at: sql<Date>`business_now(${key.accountId})` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.creditNoteId)
    .where('ended_at', 'is', null)
    .execute()
}
