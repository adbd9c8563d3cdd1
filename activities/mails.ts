import {
  insertMail,
  updateMailBounced,
  updateMailSent,
  type Mail,
  type MailAttachment,
} from '../db/mails.ts'
import { CONTENT_TYPES } from '../documents/render.ts'
import { newId } from '../new-id.ts'
import { messageIdOf } from './gateways/mailer.ts'
import type { ActivityDeps } from './deps.ts'

/** A mail about a document, before the post has it. */
export type DocumentMail = Omit<Mail, 'id' | 'messageId' | 'sender'>

/**
 * Writes a mail and hands it to the post; answers whether anybody took it. A refusal for good is
 * kept as a bounce and is not tried again. Safe to run twice: one row per key; a reply lost after the
 * server took the mail sends it again under the same Message-ID. `load` gives an attachment's bytes.
 */
export async function sendDocumentMail(
  { database, mailer, log }: Pick<ActivityDeps, 'database' | 'mailer' | 'log'>,
  mail: DocumentMail,
  load: (attachment: MailAttachment) => Promise<Buffer>,
): Promise<boolean> {
  const { db } = database
  const { accountId } = mail
  const { sender } = mailer
  const messageId = messageIdOf(mail.key)
  const written = await insertMail(db, { ...mail, id: newId('mail'), messageId, sender })
  if (written.state !== 'queued') return written.state === 'sent'
  const attachments = await Promise.all(
    mail.attachments.map(async (attachment) => ({
      filename: attachment.filename,
      content: await load(attachment),
      contentType: CONTENT_TYPES[attachment.format],
    })),
  )
  const { refused, reason } = await mailer.send({ ...mail, sender, attachments })
  if (refused.length >= mail.recipients.length) {
    const bounce = { recipients: refused, reason: reason ?? 'refused' }
    await updateMailBounced(db, { accountId, id: written.id }, bounce)
    log.warn({ mail: written.id }, 'mail bounced')
    return false
  }
  await updateMailSent(db, accountId, written.id, refused)
  return true
}
