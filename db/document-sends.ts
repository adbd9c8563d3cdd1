import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import type { DocumentSends, InvoiceDocuments } from './tables.ts'

type DocumentFormat = InvoiceDocuments['format']
type SendKey = { accountId: string; sendId: string }
export type DocumentSendRow = Selectable<DocumentSends>

/** Who gets an invoice by mail, and as what. */
export type DeliverySettings = { recipients: string[]; formats: DocumentFormat[] }

const DEFAULT_FORMATS: DocumentFormat[] = ['pdf', 'csv']

/** The customer's settings; without any its own address, PDF and CSV. Throws `not_found`. */
export async function getDeliverySettings(
  db: Db,
  { accountId, customerId }: { accountId: string; customerId: string },
): Promise<DeliverySettings> {
  const row = await db
    .selectFrom('customers')
    .select(['email', 'invoice_recipients', 'invoice_formats'])
    .where('account_id', '=', accountId)
    .where('id', '=', customerId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
  return {
    recipients: row.invoice_recipients ?? [row.email],
    formats: toFormats(row.invoice_formats),
  }
}

/** Only the known ones; the column's CHECK says that there are no others. */
export function toFormats(formats: string[] | null): DocumentFormat[] {
  if (formats === null) return DEFAULT_FORMATS
  return (['pdf', 'csv', 'ubl', 'cii'] as const).filter((format) => formats.includes(format))
}

/** An invoice, or a credit note together with the invoice that it corrects. */
type SendableKey = { accountId: string; invoiceId: string; creditNoteId?: string }

/** Writes the wish to send a document again and the command to do it. Answers the send's number. */
export async function requestSend(
  tx: Tx,
  wish: SendableKey & { recipients?: string[]; formats?: string[] },
): Promise<number> {
  const { accountId, invoiceId, creditNoteId = null, recipients, formats } = wish
  await sql`select 1 from invoices where account_id = ${accountId} and id = ${invoiceId}
    for no key update`.execute(tx)
  const { rows } = await sql<{ number: number }>`
    with sent as (
      insert into document_sends (id, account_id, invoice_id, credit_note_id, number, recipients,
        formats, requested_at)
      select ${creditNoteId ?? invoiceId} || '/' || n, ${accountId}, ${invoiceId}, ${creditNoteId}, n,
        ${recipients ?? null}::text[], ${formats ?? null}::text[], business_now(${accountId})
      from (select coalesce(max(number), 1) + 1 as n from document_sends
        where invoice_id = ${invoiceId} and credit_note_id is not distinct from ${creditNoteId}) next
      returning id, account_id, invoice_id, number
    ), command as (
      insert into outbox (account_id, verb, workflow, subject, priority)
      select account_id, 'start', 'sendDocuments',
        jsonb_build_object('send_id', id, 'invoice_id', invoice_id), 4 from sent
    )
    select number from sent`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error('PostgreSQL wrote no send')
  return row.number
}

/** Throws `not_found`. */
export async function getSend(db: Db, key: SendKey): Promise<DocumentSendRow> {
  const row = await db
    .selectFrom('document_sends')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.sendId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such send')
  return row
}

/** Its workflow has nothing left to do. Repeatable. */
export async function updateSendEnded(db: Db, key: SendKey): Promise<void> {
  await db
    .updateTable('document_sends')
    .set({ ended_at: sql<Date>`business_now(${key.accountId})` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.sendId)
    .where('ended_at', 'is', null)
    .execute()
}
