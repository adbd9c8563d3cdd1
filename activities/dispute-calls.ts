import type { Db } from '../db/client.ts'
import { listEvidenceFiles, nameEvidenceFile, type DisputeRow } from '../db/disputes.ts'
import type { DisputeCall, DisputeOutcome, DisputeWork } from './dispute-outcomes.ts'
import type { PaymentProvider, ProviderEvidence } from './gateways/payment-provider.ts'

/** Sends the answer to a dispute under its stored key, or asks how the dispute stands. */
export async function callAboutDispute(
  db: Db,
  provider: PaymentProvider,
  { act, operation, work }: DisputeCall,
): Promise<DisputeOutcome> {
  const { account, dispute } = work
  const disputeProviderId = dispute.provider_id
  if (act === 'ask' || operation === null) {
    return provider.findDispute(account, { disputeProviderId })
  }
  const key = operation.idempotency_key
  if (operation.kind === 'accept') {
    return provider.acceptDispute(account, key, { disputeProviderId })
  }
  const refusal = await uploadPapers(db, provider, work)
  if (refusal !== null) return refusal
  const evidence = await readEvidence(db, dispute)
  return provider.submitEvidence(account, key, { disputeProviderId, evidence })
}

/**
 * The papers that the provider has not got yet go first: their names belong to what the key stands
 * for. Null when it has them all.
 */
async function uploadPapers(
  db: Db,
  provider: PaymentProvider,
  { dispute, account }: DisputeWork,
): Promise<DisputeOutcome | null> {
  for (const file of await listEvidenceFiles(db, keyOf(dispute))) {
    if (file.provider_id !== null) continue
    const outcome = await provider.uploadEvidence(account, file)
    if (outcome.kind === 'declined') return { ...outcome, value: null }
    if (outcome.kind !== 'answered') return outcome
    const { providerId } = outcome.value
    await nameEvidenceFile(db, account.accountId, { id: file.id, providerId })
  }
  return null
}

async function readEvidence(db: Db, dispute: DisputeRow): Promise<ProviderEvidence> {
  const files = await listEvidenceFiles(db, keyOf(dispute))
  return {
    texts: dispute.evidence,
    files: Object.fromEntries(
      files.flatMap(({ kind, provider_id }) => (provider_id === null ? [] : [[kind, provider_id]])),
    ),
  }
}

function keyOf(row: DisputeRow) {
  return { accountId: row.account_id, disputeId: row.id }
}
