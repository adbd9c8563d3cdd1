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

/** Recipients whom the other side refuses for good; nobody takes it when all are. */
export type PostAnswer = { refused: string[]; reason: string | null }

/**
 * The post. Throws when the other side did not take the mail now; sending again is always allowed.
 * A refusal for good (SMTP 5xx) is an answer and not an exception: trying again cannot help.
 */
export type Mailer = { sender: string; send(mail: OutgoingMail): Promise<PostAnswer> }

/** The Message-ID of a mail, without the brackets; the same for a mail that is sent twice. */
export function messageIdOf(key: string): string {
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}@bark.invalid`
}

const SMTP_MS_MAX = 15_000

/**
 * Sends by SMTP, or nowhere at all without a server: then the row in `mails`, which development
 * shows as /inbox, is where the mail has arrived.
 */
export function createMailer(settings: { smtpUrl: string | undefined; from: string }): Mailer {
  if (settings.smtpUrl === undefined) {
    return { sender: settings.from, send: async () => ({ refused: [], reason: null }) }
  }
  const transport = createTransport({
    url: settings.smtpUrl,
    connectionTimeout: SMTP_MS_MAX,
    greetingTimeout: SMTP_MS_MAX,
    socketTimeout: SMTP_MS_MAX,
  })
  return {
    sender: settings.from,
    async send(mail) {
      try {
        const { rejected } = await transport.sendMail({
          messageId: `<${messageIdOf(mail.key)}>`,
          from: mail.sender,
          to: mail.recipients,
          subject: mail.subject,
          text: mail.body,
          attachments: mail.attachments,
        })
        return {
          refused: [...rejected],
          reason: rejected.length === 0 ? null : 'some recipients were refused',
        }
      } catch (error) {
        const reason = refusalForGood(error)
        if (reason === null) throw error
        return { refused: mail.recipients, reason }
      }
    },
  }
}

const PERMANENT = 500

/** What the server said with a 5xx, or null for everything that may be different next time. */
function refusalForGood(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const code: unknown = Reflect.get(error, 'responseCode')
  // Without the right to send at all (EAUTH) somebody has to mend the settings: the mail is good.
  const isOurs = Reflect.get(error, 'code') === 'EAUTH'
  return typeof code === 'number' && code >= PERMANENT && !isOurs ? error.message : null
}
