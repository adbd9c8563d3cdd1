import { z } from '@hono/zod-openapi'
import { CHECKS, getDayClose } from '../../db/day-close.ts'
import { DomainError } from '../../domain/error.ts'
import { renderDayClose } from '../../wire/day-close.ts'
import { refuseBoundKey } from '../bound-key.ts'
import { route, type Route } from '../route.ts'
import { businessDate, decimal, minor } from './order-shapes.ts'

const count = z.int().min(0)

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
  })
  .openapi('DayClose')

const reading = route({
  operationId: 'getDayClose',
  method: 'get',
  path: '/v2/day-close/{date}',
  tag: 'Invoices',
  summary: 'What is left to do of a business date',
  description:
    'Of all customers; each has the date in its own time zone. Asked again later it says what is ' +
    'left then.',
  access: 'finance:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({
    date: z
      .string()
      .max(20)
      .openapi({ param: { name: 'date', in: 'path' }, example: '2026-11-22' }),
  }),
  responses: { 200: { description: 'The date and its checklist.', schema: dayCloseObject } },
  errors: ['not_found', 'forbidden_scope', 'invalid_fields'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const key = {
      accountId: call.caller.accountId,
      businessDate: requireDate(call.input.params.date),
    }
    return { status: 200, body: renderDayClose(await getDayClose(deps.database.db, key)) }
  },
})

export const dayCloseRoutes: readonly Route[] = [reading]

/** A date of the calendar; 30 February is well formed and none. */
function requireDate(text: string): string {
  if (z.iso.date().safeParse(text).success) return text
  throw new DomainError('invalid_fields', 'date: Must be a day such as 2026-11-22', {
    fields: [{ field: 'date', message: 'Must be a day such as 2026-11-22' }],
  })
}
