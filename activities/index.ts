import type { Database } from '../db/client.ts'
import type { SupplierConnection } from '../db/suppliers.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { Press } from '../documents/press.ts'
import type { TaxPolicy } from '../domain/tax.ts'
import type { Log } from '../log.ts'
import { accountDayActivities } from './account-days.ts'
import { claimActivities } from './claims.ts'
import { creditNoteActivities } from './credit-notes.ts'
import { disputeActivities } from './disputes.ts'
import { documentSendActivities } from './document-sends.ts'
import type { CodeSupplier } from './gateways/code-supplier.ts'
import type { Mailer } from './gateways/mailer.ts'
import type { PaymentProvider } from './gateways/payment-provider.ts'
import type { WebhookDialer } from './gateways/webhook-dialer.ts'
import { invoiceRunActivities } from './invoice-runs.ts'
import { invoiceActivities } from './invoices.ts'
import { ledgerReconciliationActivities } from './ledger-reconciliation.ts'
import { paymentReconciliationActivities } from './payment-reconciliation.ts'
import { paymentActivities } from './payments.ts'
import { purchaseOrderActivities } from './purchase-orders.ts'
import { sourcingDecisionActivities } from './sourcing-decisions.ts'
import type { StockWatch } from './stock-watch.ts'
import { refundActivities } from './refunds.ts'
import { sourcingActivities } from './sourcing.ts'
import { sweepActivities } from './sweep.ts'
import { transactionActivities } from './transactions.ts'
import { webhookActivities } from './webhooks.ts'

/** What effects need: the database, the keys, and the outside parties behind their ports. */
export type ActivityDeps = {
  database: Database
  /** What codes and secrets are sealed with, and the 32 bytes that find a code again. */
  keys: { ring: KeyRing; blindIndex: Buffer }
  log: Log
  suppliers: (connection: SupplierConnection) => CodeSupplier | Promise<CodeSupplier>
  webhooks: WebhookDialer
  stock: StockWatch
  mailer: Mailer
  /** Where people find the pages of finance; left out where the public address is not known. */
  financePagesUrl?: string
  /** Renders documents beside the event loop. */
  press: Pick<Press, 'print'>
  /** The merchant's own; the shipped ones when left out. */
  taxPolicies?: readonly TaxPolicy[]
  /** Where accounts of a mode pay. */
  payments: (mode: 'live' | 'test') => PaymentProvider
}

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
