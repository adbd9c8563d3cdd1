import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'

export type OutgoingMail = {
  /** Business key; becomes the Message-ID, so that a mail sent twice is recognised as one. */
  key: string
  sender: string
  recipients: string[]
  subject: string
  body: string
  attachments: { filename: string; content: Buffer; contentType: string }[]
}

/** The post. Throws when the other side did not take the mail; sending again is always allowed. */
export type Mailer = { sender: string; send(mail: OutgoingMail): Promise<void> }

const SMTP_MS_MAX = 15_000

/**
 * Sends by SMTP, or nowhere at all without a server: then the row in `mails`, which development
 * shows as /inbox, is where the mail has arrived.
 */
export function createMailer(settings: { smtpUrl: string | undefined; from: string }): Mailer {
  if (settings.smtpUrl === undefined) return { sender: settings.from, send: async () => undefined }
  const transport = createTransport({
    url: settings.smtpUrl,
    connectionTimeout: SMTP_MS_MAX,
    greetingTimeout: SMTP_MS_MAX,
    socketTimeout: SMTP_MS_MAX,
  })
  return {
    sender: settings.from,
    async send(mail) {
      const id = createHash('sha256').update(mail.key).digest('hex').slice(0, 32)
      await transport.sendMail({
        messageId: `<${id}@bark.invalid>`,
        from: mail.sender,
        to: mail.recipients,
        subject: mail.subject,
        text: mail.body,
        attachments: mail.attachments,
      })
    },
  }
}
