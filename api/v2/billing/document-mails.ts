import { z } from '@hono/zod-openapi'
import { inTransaction, type Db } from '../../../db/client.ts'
import { getCreditNoteView } from '../../../db/credit-note-views.ts'
import { requestSend } from '../../../db/document-sends.ts'
import { getInvoiceView } from '../../../db/invoice-views.ts'
import { listDocumentMails, requireMail, updateMailBounced } from '../../../db/mails.ts'
import type { Owner } from '../../../db/purchase-order-views.ts'
import { DomainError } from '../../../domain/error.ts'
import type { InvoiceSnapshot } from '../../../domain/invoice.ts'
import { MAIL_STATES, renderMail } from '../../../wire/mail.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { requireFormat } from '../../document-file.ts'
import { idParameter, instantField, line, requireId } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { formatsField, recipientsField } from './document-shapes.ts'
import { ownerOf } from '../orders/order-calls.ts'

const mailObject = z
  .strictObject({
    object: z.literal('mail'),
    id: z.string(),
    message_id: z.string().nullable(),
    status: z.enum(MAIL_STATES),
    recipients: z.array(z.string()),
    refused_recipients: z.array(z.string()),
    subject: z.string(),
    attachments: z.array(z.string()),
    sent_at: instantField.nullable(),
    bounced_at: instantField.nullable(),
    last_error: z.string().nullable(),
  })
  .openapi('Mail')

const documentSend = z
  .strictObject({ recipients: recipientsField.optional(), formats: formatsField.optional() })
  .openapi('DocumentSend')

/** What can be mailed: the one that an id names, or throws `not_found`, also for another owner's. */
type Mailed = {
  about: { invoiceId: string } | { invoiceId: string; creditNoteId: string }
  /** Null for a credit note that has no number yet. */
  snapshot: InvoiceSnapshot | null
}

type MailedKind = {
  path: '/v2/invoices/{id}' | '/v2/credit-notes/{id}'
  /** In operation ids, and in sentences. */
  noun: 'Invoice' | 'CreditNote'
  words: string
  tag: string
  idExample: string
  find: (db: Db, owner: Owner, id: string) => Promise<Mailed>
}

const INVOICE: MailedKind = {
  path: '/v2/invoices/{id}',
  noun: 'Invoice',
  words: 'an invoice',
  tag: 'Invoices',
  idExample: 'inv_0199c0de5a000123456789abcd',
  async find(db, owner, id) {
    const invoiceId = requireId('invoice', id)
    const { snapshot } = await getInvoiceView(db, owner, invoiceId)
    return { about: { invoiceId }, snapshot }
  },
}

const CREDIT_NOTE: MailedKind = {
  path: '/v2/credit-notes/{id}',
  noun: 'CreditNote',
  words: 'a credit note',
  tag: 'Credit notes',
  idExample: 'cn_0199c0de5a000123456789abcd',
  async find(db, owner, id) {
    const creditNoteId = requireId('creditNote', id)
    const { snapshot, invoice_id: invoiceId } = await getCreditNoteView(db, owner, creditNoteId)
    return { about: { invoiceId, creditNoteId }, snapshot }
  },
}

const listing = ({ path, noun, words, tag, idExample, find }: MailedKind) =>
  route({
    operationId: `list${noun}Mails`,
    method: 'get',
    path: `${path}/mails`,
    tag,
    summary: `List the mails that carried ${words}, with what became of them`,
    access: 'invoices:read',
    rateClass: 'read',
    idempotency: 'none',
    params: z.strictObject({ id: idParameter('id', idExample) }),
    responses: {
      200: {
        description: 'Mails, the first one first.',
        schema: z.strictObject({ data: z.array(mailObject) }),
      },
    },
    errors: ['not_found'],
    async handler(deps, call) {
      const { db } = deps.database
      const { about } = await find(db, ownerOf(call.caller), call.input.params.id)
      const mails = await listDocumentMails(db, { accountId: call.caller.accountId, ...about })
      return { status: 200, body: { data: mails.map(renderMail) } }
    },
  })

const sending = ({ path, noun, words, tag, idExample, find }: MailedKind) =>
  route({
    operationId: `send${noun}`,
    method: 'post',
    path: `${path}/send`,
    tag,
    summary: `Send the documents of ${words} again`,
    description:
      'To whom and as what the customer’s billing settings say, or as the body says. The documents are ' +
      'the very same.',
    access: 'invoices:write',
    rateClass: 'write',
    idempotency: 'key24h',
    params: z.strictObject({ id: idParameter('id', idExample) }),
    body: documentSend,
    responses: {
      202: {
        description: 'It is being sent.',
        schema: z.strictObject({
          object: z.literal('document_send'),
          invoice_id: z.string(),
          credit_note_id: z.string().nullable(),
          number: z.int(),
        }),
      },
    },
    errors: ['not_found', 'forbidden_scope', 'document_format_unavailable', 'document_pending'],
    async handler(deps, call) {
      refuseBoundKey(call.caller)
      const { recipients, formats } = call.input.body
      const { about, snapshot } = await find(call.tx, ownerOf(call.caller), call.input.params.id)
      if (snapshot === null) {
        throw new DomainError('document_pending', 'The credit note is not issued yet.')
      }
      for (const format of formats ?? []) requireFormat(format, snapshot)
      const { accountId } = call.caller
      const number = await requestSend(call.tx, { accountId, ...about, recipients, formats })
      deps.orders.outbox.nudge()
      return {
        status: 202,
        body: {
          object: 'document_send' as const,
          invoice_id: about.invoiceId,
          credit_note_id: 'creditNoteId' in about ? about.creditNoteId : null,
          number,
        },
      }
    },
  })

const bouncing = route({
  operationId: 'reportMailBounce',
  method: 'post',
  path: '/v2/mail_bounces',
  tag: 'Invoices',
  summary: 'Report a mail that came back',
  description:
    'For the mail provider’s bounce notices: names the mail by its Message-ID. Repeatable; the first ' +
    'report stays.',
  access: 'invoices:write',
  rateClass: 'write',
  idempotency: 'none',
  body: z
    .strictObject({
      message_id: line(255).openapi({ example: '3f2a…@bark.invalid' }),
      recipient: z.email().max(254).optional(),
      reason: line(500),
    })
    .openapi('MailBounce'),
  responses: { 204: { description: 'It is kept.' } },
  errors: ['not_found', 'forbidden_scope'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const { message_id, recipient, reason } = call.input.body
    const messageId = message_id.replace(/^<|>$/g, '')
    await inTransaction(deps.database.db, async (tx) => {
      await requireMail(tx, accountId, messageId)
      const recipients = recipient === undefined ? [] : [recipient]
      await updateMailBounced(tx, { accountId, messageId }, { recipients, reason })
    })
    return { status: 204 }
  },
})

export const documentMailRoutes: readonly Route[] = [
  listing(INVOICE),
  sending(INVOICE),
  listing(CREDIT_NOTE),
  sending(CREDIT_NOTE),
  bouncing,
]
