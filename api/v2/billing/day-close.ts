import { z } from '@hono/zod-openapi'
import { findToldDay, requestAccountDay } from '../../../db/account-days.ts'
import { CHECKS, getDayClose } from '../../../db/day-close.ts'
import { DomainError } from '../../../domain/error.ts'
import { renderDayClose, renderDayDigest } from '../../../wire/day-close.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { instantField } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { businessDate, decimal, minor } from '../orders/order-shapes.ts'

const count = z.int().min(0)

const digestObject = z
  .strictObject({
    run: z.int().min(1).openapi({ description: '2 and up: it was told again.' }),
    status: z.enum(['waiting', 'sent', 'not_sent']).openapi({
      description:
        '`waiting` for the date’s last purchase order; `not_sent`: nobody took the mail.',
    }),
    complete: z.boolean().nullable().openapi({
      description: 'False: purchase orders were still open. It is told again when they are done.',
    }),
    recipients: z.array(z.string()),
    requested_at: instantField,
    sent_at: instantField.nullable(),
  })
  .openapi('DayDigest', { description: 'What finance was told of the date, by mail.' })

const dayCloseObject = z
  .strictObject({
    object: z.literal('day_close'),
    business_date: businessDate,
    status: z.enum(['open', 'closing', 'closed']).openapi({
      description: '`closed`: every purchase order of the date has its invoices, or needs none.',
    }),
    totals: z.array(
      z.strictObject({
        currency: z.string(),
        purchase_order_count: count,
        transaction_count: count,
        accepted: decimal.openapi({ description: 'Orders as accepted, without tax.' }),
        accepted_minor: minor,
        invoice_count: count,
        invoiced: decimal.openapi({ description: 'With tax.' }),
        invoiced_minor: minor,
        credited: decimal.openapi({ description: 'With tax, of these invoices.' }),
        credited_minor: minor,
      }),
    ),
    checklist: z.array(
      z.strictObject({
        name: z.enum(CHECKS),
        count,
        ids: z.array(z.string()).openapi({ description: 'The first twenty.' }),
      }),
    ),
    complete: z.boolean().openapi({ description: 'Nothing of the list is left.' }),
    digest: digestObject.nullable().openapi({
      description: 'The latest one; null before a purchase order of the date has closed.',
    }),
  })
  .openapi('DayClose')

const ofDate = {
  tag: 'Invoices',
  params: z.strictObject({
    date: z
      .string()
      .max(20)
      .openapi({ param: { name: 'date', in: 'path' }, example: '2026-11-22' }),
  }),
  errors: ['not_found', 'forbidden_scope', 'invalid_fields'],
} as const

const reading = route({
  ...ofDate,
  operationId: 'getDayClose',
  method: 'get',
  path: '/v2/day-close/{date}',
  summary: 'What is left to do of a business date',
  description:
    'Of all customers; each has the date in its own time zone. Asked again later it says what is ' +
    'left then.',
  access: 'finance:read',
  rateClass: 'read',
  idempotency: 'none',
  responses: { 200: { description: 'The date and its checklist.', schema: dayCloseObject } },
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const key = { accountId, businessDate: requireDate(call.input.params.date) }
    const day = await getDayClose(deps.database.db, key)
    return { status: 200, body: renderDayClose(day, await findToldDay(deps.database.db, key)) }
  },
})

const tellingAgain = route({
  ...ofDate,
  operationId: 'sendDayDigest',
  method: 'post',
  path: '/v2/day-close/{date}/digest',
  summary: 'Tell finance of a business date again',
  description:
    'The digest is mailed by itself, once, after the last purchase order of the date. This adds it up anew ' +
    'and mails it once more; one that is under way is answered instead of a second one.',
  access: 'invoices:write',
  rateClass: 'write',
  idempotency: 'key24h',
  responses: { 201: { description: 'The digest, under way.', schema: digestObject } },
  async handler(deps, { tx, caller, input }) {
    refuseBoundKey(caller)
    const key = { accountId: caller.accountId, businessDate: requireDate(input.params.date) }
    await getDayClose(tx, key) // 404 for a date without orders
    await requestAccountDay(tx, { ...key, again: true })
    const told = await findToldDay(tx, key)
    if (told === null) throw new Error(`${key.businessDate} was asked for and is not there`)
    deps.orders.outbox.nudge()
    return { status: 201, body: renderDayDigest(told) }
  },
})

export const dayCloseRoutes: readonly Route[] = [reading, tellingAgain]

/** A date of the calendar; 30 February is well formed and none. */
function requireDate(text: string): string {
  if (z.iso.date().safeParse(text).success) return text
  throw new DomainError('invalid_fields', 'date: Must be a day such as 2026-11-22', {
    fields: [{ field: 'date', message: 'Must be a day such as 2026-11-22' }],
  })
}
