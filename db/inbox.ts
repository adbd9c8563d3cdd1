import { sql } from 'kysely'
import type { Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { findAccountDayFile } from './account-days.ts'
import type { Db } from './client.ts'
import { findCreditNoteDocument } from './credit-notes.ts'
import { findInvoiceDocument } from './invoices.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { MailAttachment } from './mails.ts'
import type { Mails } from './tables.ts'

/** A mail of a test account, as the inbox of development shows it. */
export type InboxMail = Pick<
  Selectable<Mails>,
  | 'id'
  | 'account_id'
  | 'sender'
  | 'recipients'
  | 'subject'
  | 'body'
  | 'invoice_id'
  | 'credit_note_id'
  | 'account_day_id'
  | 'sent_at'
  | 'last_error'
  | 'created_at'
> & { attachments: MailAttachment[]; time_zone: string }

/**
 * Mails, the latest first. No owner: it is the machine's mailbox, over all test accounts; live
 * accounts' mails are never read here.
 */
export async function listInboxMails(db: Db, request: PageRequest): Promise<RowsPage<InboxMail>> {
  return listPage(db, selectMails(db), newestFirst('m'), request)
}

/** Throws `not_found`, also for the mail of a live account. */
export async function getInboxMail(db: Db, mailId: string): Promise<InboxMail> {
  const row = await selectMails(db).where('m.id', '=', mailId).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such mail')
  return row
}

/** The bytes behind an attachment, or null when they are not kept. */
export async function findMailDocument(
  db: Db,
  mail: InboxMail,
  { filename, format }: MailAttachment,
): Promise<Buffer | null> {
  const accountId = mail.account_id
  if (mail.invoice_id !== null) {
    return findInvoiceDocument(db, { accountId, invoiceId: mail.invoice_id, format })
  }
  if (mail.account_day_id !== null) {
    return findAccountDayFile(db, { accountId, accountDayId: mail.account_day_id, filename })
  }
  if (mail.credit_note_id === null) return null
  return findCreditNoteDocument(db, { accountId, creditNoteId: mail.credit_note_id, format })
}

function selectMails(db: Db) {
  return db
    .selectFrom('mails as m')
    .innerJoin('accounts as a', 'a.id', 'm.account_id')
    .select([
      'm.id',
      'm.account_id',
      'm.sender',
      'm.recipients',
      'm.subject',
      'm.body',
      'm.invoice_id',
      'm.credit_note_id',
      'm.account_day_id',
      'm.sent_at',
      'm.last_error',
      'm.created_at',
      'a.time_zone',
      sql<MailAttachment[]>`m.attachments`.as('attachments'),
    ])
    .where('a.mode', '=', 'test')
}
