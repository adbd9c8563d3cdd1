import { z } from '@hono/zod-openapi'
import { cancelUnits } from '../../../db/unit-cancellations.ts'
import { CODE_STATES, codeState } from '../../../domain/order-status.ts'
import { idParameter, requireId } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { ownerOf, requireTransactionId } from './order-calls.ts'

const UNITS_MAX = 1_000 // one statement carries them all; a larger order is cancelled in several calls

const cancelling = (['transactions', 'orders'] as const).map((noun) =>
  route({
    operationId: noun === 'orders' ? 'cancelOrderUnits' : 'cancelUnits',
    method: 'post',
    path: `/v2/${noun}/{id}/units/cancel`,
    tag: 'Codes',
    summary: 'Give up units that have no code yet',
    description:
      'All of them or none. A unit that nobody was asked for is `cancelled` at once and its hold is released. One that a ' +
      'supplier has, or may have, stays `processing` until the supplier has said whether it could be undone: it may ' +
      'still end with its code. Units that have a code are claimed or refunded instead.',
    access: 'orders:write',
    rateClass: 'write',
    idempotency: 'key24h',
    params: z.strictObject({
      id: idParameter('id', `${noun === 'orders' ? 'ord' : 'txn'}_0199c0de5a000123456789abcd`),
    }),
    body: z
      .strictObject({
        unit_ids: z
          .array(z.string().max(100).openapi({ example: 'unit_0199c0de5a000123456789abcd' }))
          .min(1)
          .max(UNITS_MAX)
          .refine((ids) => new Set(ids).size === ids.length, 'Names a unit twice'),
      })
      .openapi('UnitCancellationCreate'),
    responses: {
      201: {
        description: 'How the units are now.',
        schema: z
          .strictObject({
            object: z.literal('unit_cancellation'),
            transaction_id: z.string(),
            units: z.array(
              z.strictObject({
                unit_id: z.string(),
                state: z.enum(CODE_STATES),
                reason: z.string().nullable(),
              }),
            ),
          })
          .openapi('UnitCancellation'),
      },
    },
    errors: ['not_found', 'unit_not_cancellable'],
    async handler(deps, { tx, caller, input: { params, body } }) {
      const transactionId = requireTransactionId(params.id)
      const unitIds = body.unit_ids.map((id) => requireId('unit', id))
      const units = await cancelUnits(tx, ownerOf(caller), { transactionId, unitIds })
      deps.orders.outbox.nudge()
      return {
        status: 201,
        body: {
          object: 'unit_cancellation' as const,
          transaction_id: transactionId,
          units: units.map(({ unit_id, state, reason }) => {
            return { unit_id, state: codeState(state), reason }
          }),
        },
      }
    },
  }),
)

export const unitCancellationRoutes: readonly Route[] = cancelling
