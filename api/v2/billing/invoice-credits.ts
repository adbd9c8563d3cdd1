import { z } from '@hono/zod-openapi'
import { getCreditNoteView, listCreditableUnits } from '../../../db/credit-note-views.ts'
import { requestCreditNotes } from '../../../db/credit-notes.ts'
import { getInvoiceView } from '../../../db/invoice-views.ts'
import { selectCredits, type CreditWish } from '../../../domain/credit-selection.ts'
import { DomainError } from '../../../domain/error.ts'
import { AMOUNT_MINOR_MAX } from '../../../domain/money.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { amountField, idParameter, line, requireId, toMinor } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { creditNoteObject, printCreditNote } from './credit-notes.ts'

const PARTS_MAX = 10_000 // units of one transaction
const LINES_MAX = 1_000

const creditNoteCreate = z
  .strictObject({
    reason: line(500).openapi({ example: 'Codes were not accepted.' }),
    units: z
      .array(z.strictObject({ unit_id: z.string().max(100), amount: amountField.optional() }))
      .min(1)
      .max(PARTS_MAX)
      .optional()
      .openapi({ description: 'Named units; `amount` is a part of the price, without tax.' }),
    lines: z
      .array(
        z
          .strictObject({
            position: z.int().min(1),
            quantity: z.int().min(1).max(PARTS_MAX).optional(),
            amount: amountField.optional(),
          })
          .refine((each) => each.quantity === undefined || each.amount === undefined, {
            error: 'Either quantity or amount',
          }),
      )
      .min(1)
      .max(LINES_MAX)
      .optional()
      .openapi({ description: 'Pieces or amounts (without tax) of lines of the invoice.' }),
  })
  .refine((body) => body.units === undefined || body.lines === undefined, {
    error: 'Either units or lines',
  })
  .openapi('CreditNoteCreate')

const creating = route({
  operationId: 'createCreditNote',
  method: 'post',
  path: '/v2/invoices/{id}/credit-notes',
  tag: 'Credit notes',
  summary: 'Credit an invoice, in whole or in part',
  description:
    'With neither `units` nor `lines` it takes back all that is left of the invoice. The amounts are ' +
    'decided at once; the number, the documents and the mail to the customer follow within seconds.',
  access: 'invoices:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: z.strictObject({ id: idParameter('id', 'inv_0199c0de5a000123456789abcd') }),
  body: creditNoteCreate,
  responses: { 201: { description: 'The credit note, pending.', schema: creditNoteObject } },
  errors: ['not_found', 'forbidden_scope', 'credit_exceeds_invoice', 'invalid_amount', 'busy'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const owner = { accountId, customerId: null }
    const invoiceId = requireId('invoice', call.input.params.id)
    const { body } = call.input
    const { snapshot } = await getInvoiceView(call.tx, owner, invoiceId)
    const left = await listCreditableUnits(call.tx, { accountId, invoiceId })
    const units = selectCredits(left, readWish(body, snapshot.currency))
    const known = new Set(left.map(({ unit_id }) => unit_id))
    const strange = units.findIndex(({ unitId }) => !known.has(unitId))
    if (strange >= 0) {
      throw new DomainError('credit_exceeds_invoice', 'More would be credited than was billed.', {
        fields: [{ field: `units.${strange}.unit_id`, message: 'Nothing of it is left to credit' }],
      })
    }
    const [id] = await requestCreditNotes(call.tx, {
      accountId,
      key: `api/${call.requestId}`,
      reason: body.reason,
      units,
    })
    if (id === undefined) throw new Error(`${invoiceId}: nothing was credited`)
    deps.orders.outbox.nudge()
    return { status: 201, body: printCreditNote(await getCreditNoteView(call.tx, owner, id)) }
  },
})

export const invoiceCreditRoutes: readonly Route[] = [creating]

function readWish(body: z.output<typeof creditNoteCreate>, currency: string): CreditWish {
  const amountOf = (amount: string | number | undefined, field: string) => {
    if (amount === undefined) return {}
    const netMinor = toMinor(amount, currency, field, AMOUNT_MINOR_MAX)
    if (netMinor > 0n) return { netMinor }
    throw new DomainError('invalid_amount', `${field}: Must be more than nothing`, {
      fields: [{ field, message: 'Must be more than nothing' }],
    })
  }
  const { units, lines } = body
  return {
    ...(units === undefined
      ? {}
      : {
          units: units.map(({ unit_id, amount }, index) => ({
            unitId: unit_id,
            ...amountOf(amount, `units.${index}.amount`),
          })),
        }),
    ...(lines === undefined
      ? {}
      : {
          lines: lines.map(({ position, quantity, amount }, index) => ({
            position,
            ...(quantity === undefined ? {} : { quantity }),
            ...amountOf(amount, `lines.${index}.amount`),
          })),
        }),
  }
}
