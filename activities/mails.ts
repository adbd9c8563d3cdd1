import type { Database } from '../db/client.ts'
import { insertMail, updateMailSent, type MailAttachment } from '../db/mails.ts'
import { CONTENT_TYPES } from '../documents/render.ts'
import { newId } from '../new-id.ts'
import type { Mailer } from './gateways/mailer.ts'

/** A mail about a document, before the post has it. */
export type DocumentMail = {
  accountId: string
  /** Business key: one mail is written and sent once under it. */
  key: string
  recipients: string[]
  subject: string
  body: string
  attachments: MailAttachment[]
  invoiceId?: string
  creditNoteId?: string
}

/**
 * Writes a mail and hands it to the post. Safe to run twice: one row per key; a reply lost after the
 * server took the mail sends it again under the same Message-ID. `load` gives the bytes of an
 * attachment.
 */
export async function sendDocumentMail(
  { database, mailer }: { database: Database; mailer: Mailer },
  mail: DocumentMail,
  load: (attachment: MailAttachment) => Promise<Buffer>,
): Promise<void> {
  const { db } = database
  const { sender } = mailer
  const written = await insertMail(db, { ...mail, id: newId('mail'), sender })
  if (written.sent) return
  const attachments = await Promise.all(
    mail.attachments.map(async (attachment) => ({
      filename: attachment.filename,
      content: await load(attachment),
      contentType: CONTENT_TYPES[attachment.format],
    })),
  )
  await mailer.send({ ...mail, sender, attachments })
  await updateMailSent(db, mail.accountId, written.id)
}
