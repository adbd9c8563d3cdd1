import { accountDayActivities } from './account-days.ts'
import { claimActivities } from './claims.ts'
import { creditNoteActivities } from './credit-notes.ts'
import type { ActivityDeps } from './deps.ts'
import { disputeActivities } from './disputes.ts'
import { documentSendActivities } from './document-sends.ts'
import { invoiceRunActivities } from './invoice-runs.ts'
import { invoiceActivities } from './invoices.ts'
import { ledgerReconciliationActivities } from './ledger-reconciliation.ts'
import { paymentReconciliationActivities } from './payment-reconciliation.ts'
import { paymentActivities } from './payments.ts'
import { purchaseOrderActivities } from './purchase-orders.ts'
import { sourcingDecisionActivities } from './sourcing-decisions.ts'
import { refundActivities } from './refunds.ts'
import { sourcingActivities } from './sourcing.ts'
import { sweepActivities } from './sweep.ts'
import { transactionActivities } from './transactions.ts'
import { webhookActivities } from './webhooks.ts'

/** Every activity by name. Temporal's space of names is flat, so a name may come once only. */
export function createActivities(deps: ActivityDeps) {
  return {
    ...accountDayActivities(deps),
    ...claimActivities(deps),
    ...creditNoteActivities(deps),
    ...disputeActivities(deps),
    ...documentSendActivities(deps),
    ...invoiceActivities(deps),
    ...invoiceRunActivities(deps),
    ...ledgerReconciliationActivities(deps),
    ...paymentActivities(deps),
    ...paymentReconciliationActivities(deps),
    ...refundActivities(deps),
    ...purchaseOrderActivities(deps),
    ...sourcingActivities(deps),
    ...sourcingDecisionActivities(deps),
    ...sweepActivities(deps),
    ...transactionActivities(deps),
    ...webhookActivities(deps),
  }
}

/** The factories one by one, for the test that no name comes twice. */
export const ACTIVITY_FACTORIES = [
  accountDayActivities,
  claimActivities,
  creditNoteActivities,
  disputeActivities,
  documentSendActivities,
  invoiceActivities,
  invoiceRunActivities,
  ledgerReconciliationActivities,
  paymentActivities,
  paymentReconciliationActivities,
  refundActivities,
  purchaseOrderActivities,
  sourcingActivities,
  sourcingDecisionActivities,
  sweepActivities,
  transactionActivities,
  webhookActivities,
]

export type Activities = ReturnType<typeof createActivities>
