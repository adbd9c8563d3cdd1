import type { DifferenceRow, ReconciliationRow } from '../db/payment-reconciliations.ts'
import { printInstant } from './instant.ts'

/** A difference between our books and the provider's. Amounts are minor units of `currency`. */
export function renderDifference(row: DifferenceRow) {
  return {
    object: 'payment_difference' as const,
    id: row.id,
    reconciliation_id: row.reconciliation_id,
    date: row.business_date,
    kind: row.kind,
    about: row.about,
    provider_reference: row.subject,
    payment_id: row.payment_id === null ? null : row.payment_id.replace(/^pi_/, 'pay_'),
    currency: row.currency.toLowerCase(),
    amount_ours: row.ours_minor === null ? null : Number(row.ours_minor),
    amount_theirs: row.theirs_minor === null ? null : Number(row.theirs_minor),
    ours: row.ours,
    theirs: row.theirs,
    resolved_at: row.resolved_at === null ? null : printInstant(row.resolved_at),
    created_at: printInstant(row.created_at),
  }
}

/** A day that was compared with the provider, or is being compared. */
export function renderReconciliation(row: ReconciliationRow) {
  return {
    object: 'payment_reconciliation' as const,
    id: row.id,
    date: row.business_date,
    status: row.ended_at === null ? ('running' as const) : ('done' as const),
    run: row.run,
    payments_compared: row.payments_seen,
    movements_compared: row.movements_seen,
    open_differences: row.open_differences,
    requested_at: printInstant(row.requested_at),
    ended_at: row.ended_at === null ? null : printInstant(row.ended_at),
    links: { differences: `/v2/payments/differences?reconciliation_id=${row.id}` },
  }
}
