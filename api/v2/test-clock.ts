import { z } from '@hono/zod-openapi'
import { getTestClock, startAdvance } from '../../db/test-clock.ts'
import { parseDurationMs } from '../../domain/duration.ts'
import { DomainError } from '../../domain/error.ts'
import { renderTestClock } from '../../wire/test-clock.ts'
import { instantField } from '../fields.ts'
import { route, type Caller, type Route } from '../route.ts'

const testClockObject = z
  .strictObject({
    object: z.literal('test_clock'),
    now: instantField.openapi({ description: 'Business time of the account.' }),
    offset_seconds: z.int().min(0).openapi({ description: 'How far it is ahead of real time.' }),
    status: z.enum(['advancing', 'ready']),
    waiting_for: z
      .array(z.string())
      .openapi({ description: 'What the present stop still waits for; at most 20 ids.' }),
  })
  .openapi('TestClock')

const advanceBody = z
  .strictObject({
    advance: z
      .string()
      .max(40)
      .optional()
      .openapi({ description: 'ISO 8601: days, hours, minutes, seconds.', example: 'PT26H' }),
    to: z.iso.datetime({ offset: true }).optional().openapi({ example: '2026-11-23T02:00:00Z' }),
  })
  .refine((body) => (body.advance === undefined) !== (body.to === undefined), {
    error: 'Give either advance or to',
  })
  .openapi('TestClockAdvance')

const reading = route({
  operationId: 'getTestClock',
  method: 'get',
  path: '/v2/test_clock',
  tag: 'Test clock',
  summary: 'Read the test clock',
  access: 'test_clock:read',
  rateClass: 'read',
  idempotency: 'none',
  responses: { 200: { description: 'The clock.', schema: testClockObject } },
  errors: ['live_account'],
  async handler(deps, { caller }) {
    requireTestMode(caller)
    return {
      status: 200,
      body: renderTestClock(await getTestClock(deps.database.db, caller.accountId)),
    }
  },
})

const advancing = route({
  operationId: 'advanceTestClock',
  method: 'post',
  path: '/v2/test_clock',
  tag: 'Test clock',
  summary: 'Move the test clock forward',
  description:
    'Everything that waits on business time acts as if it had passed: deadlines, the close of the ' +
    'day, webhook attempts. The clock stops at each due instant until what it released is done; ' +
    'read it until its status is `ready`.',
  access: 'test_clock:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: advanceBody,
  responses: { 201: { description: 'The clock, advancing.', schema: testClockObject } },
  errors: ['live_account', 'clock_already_advancing', 'clock_backward'],
  async handler(_deps, { tx, caller, input }) {
    requireTestMode(caller)
    requireUnbound(caller)
    await startAdvance(tx, caller.accountId, targetOf(input.body))
    return { status: 201, body: renderTestClock(await getTestClock(tx, caller.accountId)) }
  },
})

export const testClockRoutes: readonly Route[] = [reading, advancing]

/** Throws `live_account`. */
function requireTestMode(caller: Caller): void {
  if (caller.mode === 'test') return
  throw new DomainError('live_account', 'Only test accounts have a clock that can be moved')
}

/** The clock is the whole account's: one customer does not move it. Throws `forbidden_scope`. */
function requireUnbound(caller: Caller): void {
  if (caller.customerId === null) return
  throw new DomainError('forbidden_scope', 'A key that is bound to a customer cannot do this.')
}

/** Throws `invalid_fields` naming the field. */
function targetOf(body: z.output<typeof advanceBody>): { advanceMs: number } | { at: Date } {
  if (body.to !== undefined) {
    const at = new Date(body.to)
    if (Number.isNaN(at.getTime())) throw refuse('to', 'Is not an instant')
    return { at }
  }
  try {
    return { advanceMs: parseDurationMs(body.advance ?? '') }
  } catch (error) {
    throw error instanceof DomainError ? refuse('advance', error.message) : error
  }
}

function refuse(field: string, message: string): DomainError {
  return new DomainError('invalid_fields', `${field}: ${message}`, { fields: [{ field, message }] })
}
