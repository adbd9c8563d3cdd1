import { z } from '@hono/zod-openapi'
import { requestSend } from '../../db/document-sends.ts'
import { getInvoiceView } from '../../db/invoice-views.ts'
import { listInvoiceMails, requireMail, updateMailBounced } from '../../db/mails.ts'
import { inTransaction } from '../../db/client.ts'
import { MAIL_STATES, renderMail } from '../../wire/mail.ts'
import { refuseBoundKey } from '../bound-key.ts'
import { idParameter, instantField, line, requireId } from '../fields.ts'
import { route, type Route } from '../route.ts'
import { formatsField, recipientsField, requireFormat } from './document-shapes.ts'
import { ownerOf } from './order-calls.ts'

const byId = z.strictObject({ id: idParameter('id', 'inv_0199c0de5a000123456789abcd') })

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

const listing = route({
  operationId: 'listInvoiceMails',
  method: 'get',
  path: '/v2/invoices/{id}/mails',
  tag: 'Invoices',
  summary: 'List the mails that carried an invoice, with what became of them',
  access: 'invoices:read',
  rateClass: 'read',
  idempotency: 'none',
  params: byId,
  responses: {
    200: {
      description: 'Mails, the first one first.',
      schema: z.strictObject({ data: z.array(mailObject) }),
    },
  },
  errors: ['not_found'],
  async handler(deps, call) {
    const invoiceId = requireId('invoice', call.input.params.id)
    const { db } = deps.database
    await getInvoiceView(db, ownerOf(call.caller), invoiceId)
    const mails = await listInvoiceMails(db, { accountId: call.caller.accountId, invoiceId })
    return { status: 200, body: { data: mails.map(renderMail) } }
  },
})

const sending = route({
  operationId: 'sendInvoice',
  method: 'post',
  path: '/v2/invoices/{id}/send',
  tag: 'Invoices',
  summary: 'Send the documents of an invoice again',
  description:
    'To whom and as what the customer’s billing settings say, or as the body says. The documents are ' +
    'the very same.',
  access: 'invoices:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: byId,
  body: z
    .strictObject({ recipients: recipientsField.optional(), formats: formatsField.optional() })
    .openapi('InvoiceSend'),
  responses: {
    202: {
      description: 'It is being sent.',
      schema: z.strictObject({
        object: z.literal('invoice_send'),
        invoice_id: z.string(),
        number: z.int(),
      }),
    },
  },
  errors: ['not_found', 'forbidden_scope', 'document_format_unavailable'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const invoiceId = requireId('invoice', call.input.params.id)
    const { recipients, formats } = call.input.body
    const { snapshot } = await getInvoiceView(call.tx, ownerOf(call.caller), invoiceId)
    for (const format of formats ?? []) requireFormat(format, snapshot)
    const number = await requestSend(call.tx, { accountId, invoiceId, recipients, formats })
    deps.orders.outbox.nudge()
    return { status: 202, body: { object: 'invoice_send' as const, invoice_id: invoiceId, number } }
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

export const invoiceMailRoutes: readonly Route[] = [listing, sending, bouncing]
