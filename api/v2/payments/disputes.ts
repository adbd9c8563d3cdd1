import { z } from '@hono/zod-openapi'
import type { Tx } from '../../../db/client.ts'
import { answerDispute } from '../../../db/dispute-answers.ts'
import { getEvidenceFacts } from '../../../db/dispute-evidence.ts'
import { getDispute, getDisputeRow, listDisputes, type DisputeRow } from '../../../db/disputes.ts'
import { findDisputeOperation } from '../../../db/payment-operations.ts'
import { lockPayment } from '../../../db/payments.ts'
import { DISPUTE_STATES, type EvidenceTexts } from '../../../domain/dispute.ts'
import { assembleEvidence } from '../../../domain/dispute-evidence.ts'
import { newId } from '../../../new-id.ts'
import { renderDispute } from '../../../wire/dispute.ts'
import { idParameter, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Caller, type Route } from '../../route.ts'
import { waitForOutcome } from '../../settled.ts'
import { disputeObject, readPapers, respondBody, RESPOND_BODY_BYTES_MAX } from './dispute-fields.ts'
import { paymentOwner, requirePaymentId } from './payment-calls.ts'
import { refuse } from './payment-fields.ts'

const TAG = 'Disputes'
const ofDispute = z.strictObject({ id: idParameter('id', 'dp_0199c0de5a000123456789abcd') })

const settle: NonNullable<Route['settle']> = (deps, call, printed) => {
  const { caller } = call
  if (caller === null) return Promise.resolve(printed)
  const { db } = deps.database
  return waitForOutcome(deps, call, printed, {
    isSettled: async (id) => (await findDisputeOperation(db, caller.accountId, id)) === null,
    print: async (id) => renderDispute(await getDispute(db, paymentOwner(caller), id)),
  })
}

const answering = {
  method: 'post',
  tag: TAG,
  access: 'payments:write',
  rateClass: 'write',
  idempotency: 'keyForEver',
  settle,
  params: ofDispute,
} as const
const answer = (description: string) => ({
  201: {
    description,
    schema: disputeObject,
    headers: { 'Preference-Applied': '`wait=N` when the outcome was waited for.' },
  },
})

const responding = route({
  ...answering,
  operationId: 'respondToDispute',
  path: '/v2/payments/disputes/{id}/respond',
  summary: 'Answer a dispute with evidence',
  description:
    'Banks take one answer, before `evidence_due_at`. Texts and files by kind; with `from_order` the texts ' +
    'that are left out are written from the order: what was sold and paid, delivered and fetched, and what the ' +
    'customer was told. With `Prefer: wait=N` (at most 10 s) the answer says whether the provider took it.',
  bodyBytesMax: RESPOND_BODY_BYTES_MAX,
  body: respondBody,
  responses: answer('The dispute; its answer is on its way.'),
  errors: ['not_found', 'dispute_state', 'card_number_refused', 'payload_too_large'],
  async handler(_deps, { tx, caller, input }) {
    const files = readPapers(input.body)
    const dispute = await lockDispute(tx, caller, input.params.id)
    const evidence = await readEvidence(tx, dispute, input.body)
    if (Object.keys(evidence).length === 0 && files.length === 0) {
      throw refuse('evidence', 'An answer without any evidence is none: accept the dispute instead')
    }
    const operationId = newId('paymentOperation')
    await answerDispute(tx, { dispute }, { operationId, kind: 'respond', evidence, files })
    return { status: 201, body: await printDispute(tx, caller, dispute.id) }
  },
})

const accepting = route({
  ...answering,
  operationId: 'acceptDispute',
  path: '/v2/payments/disputes/{id}/accept',
  summary: 'Give a dispute up',
  description: 'The money stays with the payer; the dispute is lost at once.',
  responses: answer('The dispute; that it is given up is on its way.'),
  errors: ['not_found', 'dispute_state'],
  async handler(_deps, { tx, caller, input }) {
    const dispute = await lockDispute(tx, caller, input.params.id)
    await answerDispute(tx, { dispute }, { operationId: newId('paymentOperation'), kind: 'accept' })
    return { status: 201, body: await printDispute(tx, caller, dispute.id) }
  },
})

/** What the client wrote, and from the order what it left out, if it wants that. */
async function readEvidence(
  tx: Tx,
  dispute: DisputeRow,
  { evidence = {}, from_order: fromOrder }: z.output<typeof respondBody>,
): Promise<EvidenceTexts> {
  if (fromOrder !== true) return evidence
  const key = { accountId: dispute.account_id, paymentId: dispute.payment_id }
  const facts = await getEvidenceFacts(tx, key)
  if (facts === null) throw refuse('from_order', 'The payment is of no order')
  return { ...assembleEvidence(facts), ...evidence }
}

/** Under the payment's lock, for whoever may see it. */
async function lockDispute(tx: Tx, caller: Caller, id: string): Promise<DisputeRow> {
  const owner = paymentOwner(caller)
  const found = await getDispute(tx, owner, requireId('dispute', id))
  await lockPayment(tx, owner, found.payment_id)
  return getDisputeRow(tx, { accountId: caller.accountId, disputeId: found.id })
}

async function printDispute(tx: Tx, caller: Caller, id: string) {
  return renderDispute(await getDispute(tx, paymentOwner(caller), id))
}

const listing = route({
  operationId: 'listDisputes',
  method: 'get',
  path: '/v2/payments/disputes',
  tag: TAG,
  summary: 'List disputes, the latest first',
  access: 'payments:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(DISPUTE_STATES).optional(),
    payment_id: z.string().min(1).max(100).optional(),
  }),
  responses: { 200: { description: 'Disputes.', schema: listOf(disputeObject) } },
  errors: ['invalid_cursor', 'not_found'],
  async handler(deps, call) {
    const { payment_id, status } = call.input.query
    const paymentId = payment_id === undefined ? undefined : requirePaymentId(payment_id)
    const owner = paymentOwner(call.caller)
    const filter = { paymentId, state: status }
    const page = await listDisputes(deps.database.db, owner, filter, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderDispute) }
  },
})

const reading = route({
  operationId: 'getDispute',
  method: 'get',
  path: '/v2/payments/disputes/{id}',
  tag: TAG,
  summary: 'Get a dispute',
  access: 'payments:read',
  rateClass: 'read',
  idempotency: 'none',
  params: ofDispute,
  responses: { 200: { description: 'The dispute as it is now.', schema: disputeObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input }) {
    const id = requireId('dispute', input.params.id)
    const dispute = await getDispute(deps.database.db, paymentOwner(caller), id)
    return { status: 200, body: renderDispute(dispute) }
  },
})

export const disputeRoutes: readonly Route[] = [listing, reading, responding, accepting]
