import type { MailRow } from '../db/mails.ts'
import { printInstant } from './instant.ts'

/** `queued` is tried until the post takes it; `bounced` was refused for good, at once or later. */
export const MAIL_STATES = ['queued', 'sent', 'bounced'] as const

/** A mail that carried documents, and what became of it. */
export function renderMail(mail: MailRow) {
  return {
    object: 'mail' as const,
    id: mail.id,
    message_id: mail.message_id,
    status: mail.state,
    recipients: mail.recipients,
    refused_recipients: mail.refused,
    subject: mail.subject,
    attachments: mail.attachments.map(({ filename }) => filename),
    sent_at: mail.sent_at === null ? null : printInstant(mail.sent_at),
    bounced_at: mail.bounced_at === null ? null : printInstant(mail.bounced_at),
    last_error: mail.last_error,
  }
}
