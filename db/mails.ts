import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db } from './client.ts'
import type { InvoiceDocuments, Mails } from './tables.ts'

export type MailAttachment = { filename: string; format: InvoiceDocuments['format'] }

export type Mail = {
  id: string
  accountId: string
  /** Business key: one mail is written and sent once under it. */
  key: string
  /** As in the Message-ID header, without the brackets. */
  messageId: string
  sender: string
  recipients: string[]
  subject: string
  body: string
  attachments: MailAttachment[]
  invoiceId?: string
  creditNoteId?: string
  accountDayId?: string
}

export type MailState = Selectable<Mails>['state']

/** Writes a mail that is to be sent; answers whether it still has to be. Safe to repeat. */
export async function insertMail(db: Db, mail: Mail): Promise<{ id: string; state: MailState }> {
  await db
    .insertInto('mails')
    .values({
      id: mail.id,
      account_id: mail.accountId,
      key: mail.key,
      message_id: mail.messageId,
      sender: mail.sender,
      recipients: mail.recipients,
      subject: mail.subject,
      body: mail.body,
      attachments: JSON.stringify(mail.attachments),
      invoice_id: mail.invoiceId ?? null,
      credit_note_id: mail.creditNoteId ?? null,
      account_day_id: mail.accountDayId ?? null,
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'key']).doNothing())
    .execute()
  return db
    .selectFrom('mails')
    .select(['id', 'state'])
    .where('account_id', '=', mail.accountId)
    .where('key', '=', mail.key)
    .executeTakeFirstOrThrow()
}

/** The post took it, all but those recipients whom it refused for good. */
export async function updateMailSent(
  db: Db,
  accountId: string,
  id: string,
  refused: string[],
): Promise<void> {
  await db
    .updateTable('mails')
    .set({
      state: 'sent',
      sent_at: sql<Date>`business_now(${accountId})`,
      refused,
      last_error: null,
    })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .execute()
}

/** Nobody took it: sending it again as it is cannot help. Repeatable; the first reason stays. */
export async function updateMailBounced(
  db: Db,
  key: { accountId: string } & ({ id: string } | { messageId: string }),
  bounce: { recipients: string[]; reason: string },
): Promise<boolean> {
  const changed = await db
    .updateTable('mails')
    .set({
      state: 'bounced',
      bounced_at: sql<Date>`business_now(${key.accountId})`,
      refused: sql<
        string[]
      >`array(select distinct unnest(refused || ${bounce.recipients}::text[]))`,
      last_error: bounce.reason,
    })
    .where('account_id', '=', key.accountId)
    .where('id' in key ? 'id' : 'message_id', '=', 'id' in key ? key.id : key.messageId)
    .where('state', '<>', 'bounced')
    .returning(['id'])
    .executeTakeFirst()
  return changed !== undefined
}

export type MailRow = Pick<
  Selectable<Mails>,
  'id' | 'recipients' | 'refused' | 'subject' | 'state' | 'sent_at' | 'bounced_at' | 'last_error'
> & { attachments: MailAttachment[]; message_id: string | null }

/** Every mail about an invoice or a credit note, the first one first. Bounded by the resends. */
export async function listDocumentMails(
  db: Db,
  key: { accountId: string } & ({ invoiceId: string } | { creditNoteId: string }),
): Promise<MailRow[]> {
  const [column, id] =
    'creditNoteId' in key
      ? (['credit_note_id', key.creditNoteId] as const)
      : (['invoice_id', key.invoiceId] as const)
  return db
    .selectFrom('mails')
    .select(['id', 'message_id', 'recipients', 'refused', 'subject', 'state', 'sent_at'])
    .select(['bounced_at', 'last_error', sql<MailAttachment[]>`attachments`.as('attachments')])
    .where('account_id', '=', key.accountId)
    .where(column, '=', id)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Throws `not_found`. */
export async function requireMail(db: Db, accountId: string, messageId: string): Promise<void> {
  const row = await db
    .selectFrom('mails')
    .select('id')
    .where('account_id', '=', accountId)
    .where('message_id', '=', messageId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such mail.')
}
