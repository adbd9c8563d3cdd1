import { z } from '@hono/zod-openapi'
import { getClaim, insertClaim, listClaims } from '../../../db/claims.ts'
import { CLAIM_REASON_CHARACTERS_MAX, CLAIM_STATES } from '../../../domain/claim.ts'
import { newId } from '../../../new-id.ts'
import { renderClaim } from '../../../wire/claim.ts'
import { idParameter, instantField, line, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { ownerOf, requireTransactionId } from '../orders/order-calls.ts'

const TAG = 'Claims'

const claimObject = z
  .strictObject({
    object: z.literal('claim'),
    id: z.string().openapi({ example: 'clm_0199c0de5a000123456789abcd' }),
    transaction_id: z.string(),
    order_id: z.string(),
    customer_id: z.string(),
    unit_id: z.string(),
    reason: z.string(),
    status: z.enum(CLAIM_STATES),
    replacement_unit_id: z.string().nullable(),
    created_at: instantField,
    ended_at: instantField.nullable(),
  })
  .openapi('Claim')

const creating = (['transactions', 'orders'] as const).map((noun) =>
  route({
    operationId: noun === 'orders' ? 'claimOrderUnit' : 'claimUnit',
    method: 'post',
    path: `/v2/${noun}/{id}/units/{unit}/claim`,
    tag: TAG,
    summary: 'Say that a delivered code is no good',
    description:
      'The supplier is asked. It ends with another code (a new unit that is not billed, beside the old ' +
      'one in the list of codes), with the money back (the unit is `reversed`; a billed one gets a ' +
      'credit note), or rejected. A code is claimed once; after a rejection it may be claimed again.',
    access: 'orders:write',
    rateClass: 'write',
    idempotency: 'key24h',
    params: z.strictObject({
      id: idParameter('id', `${noun === 'orders' ? 'ord' : 'txn'}_0199c0de5a000123456789abcd`),
      unit: idParameter('unit', 'unit_0199c0de5a000123456789abcd'),
    }),
    body: z.strictObject({
      reason: line(CLAIM_REASON_CHARACTERS_MAX).openapi({ example: 'already redeemed' }),
    }),
    responses: {
      201: {
        description: 'The claim; the supplier is asked at once.',
        schema: claimObject,
        headers: { Location: 'Path of the claim.' },
      },
    },
    errors: ['not_found', 'unit_not_claimable'],
    async handler(deps, { tx, caller, input: { params, body } }) {
      const row = await insertClaim(tx, ownerOf(caller), {
        id: newId('claim'),
        transactionId: requireTransactionId(params.id),
        unitId: requireId('unit', params.unit),
        reason: body.reason,
      })
      deps.orders.outbox.nudge()
      return {
        status: 201,
        body: renderClaim(row),
        headers: { Location: `/v2/claims/${row.id}` },
      }
    },
  }),
)

const listing = route({
  operationId: 'listClaims',
  method: 'get',
  path: '/v2/claims',
  tag: TAG,
  summary: 'List claims, the latest first',
  access: 'orders:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(CLAIM_STATES).optional(),
    transaction_id: z.string().max(100).optional(),
  }),
  responses: { 200: { description: 'Claims.', schema: listOf(claimObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { status, transaction_id: transactionId } = call.input.query
    const page = await listClaims(
      deps.database.db,
      ownerOf(call.caller),
      { state: status, transactionId },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, renderClaim) }
  },
})

const reading = route({
  operationId: 'getClaim',
  method: 'get',
  path: '/v2/claims/{id}',
  tag: TAG,
  summary: 'Get a claim',
  access: 'orders:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'clm_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The claim as it is now.', schema: claimObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input }) {
    const id = requireId('claim', input.params.id)
    return { status: 200, body: renderClaim(await getClaim(deps.database.db, ownerOf(caller), id)) }
  },
})

export const claimRoutes: readonly Route[] = [...creating, listing, reading]
