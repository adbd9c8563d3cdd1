import { sql } from 'kysely'
import type { Db } from './client.ts'

export type MailAttachment = { filename: string; format: 'pdf' | 'csv' | 'ubl' | 'cii' }

export type Mail = {
  id: string
  accountId: string
  /** Business key: one mail is written and sent once under it. */
  key: string
  sender: string
  recipients: string[]
  subject: string
  body: string
  attachments: MailAttachment[]
  invoiceId?: string
  creditNoteId?: string
}

/** Writes a mail that is to be sent; answers whether it still has to be. Safe to repeat. */
export async function insertMail(db: Db, mail: Mail): Promise<{ id: string; sent: boolean }> {
  await db
    .insertInto('mails')
    .values({
      id: mail.id,
      account_id: mail.accountId,
      key: mail.key,
      sender: mail.sender,
      recipients: mail.recipients,
      subject: mail.subject,
      body: mail.body,
      attachments: JSON.stringify(mail.attachments),
      invoice_id: mail.invoiceId ?? null,
      credit_note_id: mail.creditNoteId ?? null,
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'key']).doNothing())
    .execute()
  const row = await db
    .selectFrom('mails')
    .select(['id', 'sent_at'])
    .where('account_id', '=', mail.accountId)
    .where('key', '=', mail.key)
    .executeTakeFirstOrThrow()
  return { id: row.id, sent: row.sent_at !== null }
}

export async function updateMailSent(db: Db, accountId: string, id: string): Promise<void> {
  await db
    .updateTable('mails')
    .set({ sent_at: sql<Date>`business_now(${accountId})`, last_error: null })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .execute()
}
