import type { ClaimRow } from '../db/claims.ts'
import { orderIdOf } from '../domain/id.ts'
import { printInstant } from './instant.ts'

/** A claim as its customer sees it: what was said to the supplier stays inside. */
export function renderClaim(claim: ClaimRow) {
  return {
    object: 'claim' as const,
    id: claim.id,
    transaction_id: claim.transaction_id,
    order_id: orderIdOf(claim.transaction_id),
    customer_id: claim.customer_id,
    unit_id: claim.unit_id,
    reason: claim.reason,
    status: claim.state,
    replacement_unit_id: claim.replacement_unit_id,
    created_at: printInstant(claim.opened_at),
    ended_at: claim.ended_at === null ? null : printInstant(claim.ended_at),
  }
}
