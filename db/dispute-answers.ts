import type { EvidenceTexts } from '../domain/dispute.ts'
import { DomainError } from '../domain/error.ts'
import type { Tx } from './client.ts'
import {
  replaceEvidenceFiles,
  updateDispute,
  wakeDispute,
  type DisputeRow,
  type NewEvidenceFile,
} from './disputes.ts'
import { findDisputeOperation, insertOperation } from './payment-operations.ts'
import { getBusinessNow } from './purchase-orders.ts'

export type DisputeAnswer = { operationId: string } & (
  { kind: 'accept' } | { kind: 'respond'; evidence: EvidenceTexts; files: NewEvidenceFile[] }
)

/**
 * Writes the answer to a dispute and lets its workflow send it. Banks take one answer, so there is
 * one: a second is possible only after the provider refused the first. The caller holds the
 * payment's lock. Not repeatable by itself.
 *
 * @throws DomainError `dispute_state`
 */
export async function answerDispute(
  tx: Tx,
  { dispute }: { dispute: DisputeRow },
  answer: DisputeAnswer,
): Promise<void> {
  const { account_id: accountId, id: disputeId, payment_id: paymentId } = dispute
  const now = await getBusinessNow(tx, accountId)
  if (dispute.state !== 'needs_response' || dispute.evidence_due_at === null) {
    throw new DomainError('dispute_state', `A dispute that is ${dispute.state} takes no answer.`)
  }
  if (dispute.evidence_due_at <= now) {
    throw new DomainError('dispute_state', 'The time for an answer to this dispute is over.')
  }
  if ((await findDisputeOperation(tx, accountId, disputeId)) !== null) {
    throw new DomainError('dispute_state', 'An answer to this dispute is on its way.')
  }
  const key = { accountId, disputeId }
  if (answer.kind === 'respond') {
    await updateDispute(tx, key, { evidence: answer.evidence })
    await replaceEvidenceFiles(tx, key, answer.files)
  }
  await insertOperation(tx, {
    id: answer.operationId,
    accountId,
    paymentId,
    disputeId,
    kind: answer.kind,
    amountMinor: null,
  })
  await wakeDispute(tx, key, answer.kind)
}
