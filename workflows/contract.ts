import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common'

/**
 * The names that Bark and Temporal share: workflow types, ids, signals, updates, queries, search
 * attributes. An operator who reads an id in the web UI finds here the function that made it.
 */

// Workflow ids: `<noun>/<public id>[/<qualifier>]`. The list in the web UI shows little else.
export const transactionWorkflowId = (transactionId: string) => `transaction/${transactionId}`
export const invoiceRunWorkflowId = (invoiceRunId: string) => `invoice-run/${invoiceRunId}`
export const documentsWorkflowId = (sendId: string) => `documents/${sendId}`
export const creditNoteWorkflowId = (creditNoteId: string) => `credit-note/${creditNoteId}`
export const claimWorkflowId = (claimId: string) => `claim/${claimId}`
export const webhookWorkflowId = (deliveryId: string) => `webhook/${deliveryId}`
export const disputeWorkflowId = (disputeId: string, run: number) =>
  run <= 1 ? `dispute/${disputeId}` : `dispute/${disputeId}/${run}`
export const accountDayWorkflowId = (accountDayId: string) => `account-day/${accountDayId}`
export const ledgerReconciliationWorkflowId = (reconciliationId: string) =>
  `ledger-reconciliation/${reconciliationId}`
export const reconciliationWorkflowId = (reconciliationId: string, run: number) =>
  run <= 1 ? `reconciliation/${reconciliationId}` : `reconciliation/${reconciliationId}/${run}`
/** A payment or refund that something happens to after its end has a second run. */
export const paymentWorkflowId = (paymentId: string, run: number) =>
  run <= 1 ? `payment/${paymentId}` : `payment/${paymentId}/${run}`
export const refundWorkflowId = (refundId: string, run: number) =>
  run <= 1 ? `refund/${refundId}` : `refund/${refundId}/${run}`
export const purchaseOrderWorkflowId = (po: {
  customerId: string
  businessDate: string
  currency: string
  sequence: number
}) => {
  const day = `purchase-order/${po.customerId}/${po.businessDate}/${po.currency}`
  return po.sequence === 1 ? day : `${day}/${po.sequence}`
}

export const SWEEP_SCHEDULE_ID = 'schedule/sweep'

/** Arguments of each workflow: one object of ids and instants, never a code or a secret. */
export type FulfillTransactionInput = { accountId: string; transactionId: string }
export type RunPurchaseOrderDayInput = { accountId: string; purchaseOrderId: string }
/** `acc_…/2026-11-22`, and `/2` and up when the date is told again. */
export type CloseAccountDayInput = { accountId: string; accountDayId: string }
/** `po_…/2`: the purchase order and the run. */
export type IssueInvoiceInput = { accountId: string; invoiceRunId: string }
/** `inv_…/2`: the invoice and the number of the sending. */
export type SendDocumentsInput = { accountId: string; sendId: string }
export type IssueCreditNoteInput = { accountId: string; creditNoteId: string }
export type ProcessPaymentInput = { accountId: string; paymentId: string }
export type RefundPaymentInput = { accountId: string; refundId: string }
export type HandleDisputeInput = { accountId: string; disputeId: string }
export type ReconcilePaymentsInput = { accountId: string; reconciliationId: string }
export type ReconcileLedgerInput = { accountId: string; ledgerReconciliationId: string }
export type ResolveClaimInput = { accountId: string; claimId: string }
export type DeliverWebhookInput = { accountId: string; deliveryId: string }

/** The test account's clock moved; `offsetMs` only grows, so a late signal is harmless. */
export const clockMoved = defineSignal<[{ offsetMs: number }]>('clockMoved')

/** "Look at SQL again": codes were imported, a period was closed, an endpoint was switched off. */
export const wokenUp = defineSignal<[{ reason: string }]>('wokenUp')

export type OperatorRequest = {
  /** Why, in the operator's words; kept with the decision. */
  note?: string
}

export type OperatorAnswer = { accepted: boolean; effect: string }

/** Ask the suppliers or the endpoint again now instead of at the next due instant. */
export const retryNow = defineUpdate<OperatorAnswer, [OperatorRequest]>('retryNow')
/** Give up every unit that is not delivered and release what it holds. */
export const cancelRemaining = defineUpdate<OperatorAnswer, [OperatorRequest]>('cancelRemaining')
export type RerouteRequest = OperatorRequest & {
  /** A supplier, by id or name. */
  from?: string
  to?: string
}
/** Buy a transaction's codes elsewhere. */
export const rerouteSupplier = defineUpdate<OperatorAnswer, [RerouteRequest]>('rerouteSupplier')

export type ResolveUnitRequest = OperatorRequest & { unit: string; outcome: 'found' | 'notPlaced' }
/** Say what was found out about a unit that a supplier may have sold. */
export const resolveUnit = defineUpdate<OperatorAnswer, [ResolveUnitRequest]>('resolveUnit')

/** Give the buyer of a claimed code another one from the own pool. */
export const replace = defineUpdate<OperatorAnswer, [OperatorRequest]>('replace')
/** Give the buyer of a claimed code the money back. */
export const refund = defineUpdate<OperatorAnswer, [OperatorRequest]>('refund')
/** End a claim: the code is good. */
export const reject = defineUpdate<OperatorAnswer, [OperatorRequest]>('reject')

/** End the customer's business day now; the next order opens the day's next sequence. */
export const closeNow = defineUpdate<OperatorAnswer, [OperatorRequest]>('closeNow')
/** Stop before the invoice is finalized; the close itself is never held. */
export const hold = defineUpdate<OperatorAnswer, [OperatorRequest]>('hold')
/** Undo `hold`. */
export const release = defineUpdate<OperatorAnswer, [OperatorRequest]>('release')
/** End this delivery as `cancelled`. */
export const cancel = defineUpdate<OperatorAnswer, [OperatorRequest]>('cancel')

/** What a person found out about an outcome that nobody could ask for. */
export type OperatorEvidence = {
  /** Where it can be seen, for example in the provider's dashboard; kept with the decision. */
  evidence: string
}
/** The operation whose outcome is unknown did happen. */
export const markSucceeded = defineUpdate<OperatorAnswer, [OperatorEvidence]>('markSucceeded')
/** The operation whose outcome is unknown did not happen. */
export const markFailed = defineUpdate<OperatorAnswer, [OperatorEvidence]>('markFailed')

/** Answer a dispute with what the order says by itself. */
export const submitEvidence = defineUpdate<OperatorAnswer, [OperatorRequest]>('submitEvidence')
/** Give a dispute up: the money stays with the payer. */
export const accept = defineUpdate<OperatorAnswer, [OperatorRequest]>('accept')

export type WaitingFor = { reason: string; dueAt: string | null; since: string }

/** What the workflow is waiting for; null while it acts. */
export const waitingFor = defineQuery<WaitingFor | null>('waitingFor')

/** SQL visibility keeps at most 255 characters of a keyword. */
export const KEYWORD_CHARACTERS_MAX = 250

/** SQL visibility allows ten keywords and three of every other kind. */
export const SEARCH_ATTRIBUTES = [
  { name: 'BarkAccount', type: 'KEYWORD' },
  { name: 'BarkCustomer', type: 'KEYWORD' },
  { name: 'BarkTransaction', type: 'KEYWORD' },
  { name: 'BarkPurchaseOrder', type: 'KEYWORD' },
  { name: 'BarkPayment', type: 'KEYWORD' },
  { name: 'BarkEndpoint', type: 'KEYWORD' },
  { name: 'BarkStage', type: 'KEYWORD' },
  { name: 'BarkStuckReason', type: 'KEYWORD' },
  { name: 'BarkNeedsOperator', type: 'BOOL' },
  { name: 'BarkAmountMinor', type: 'INT' },
  { name: 'BarkDueAt', type: 'DATETIME' },
] as const

export const barkAccount = defineSearchAttributeKey('BarkAccount', 'KEYWORD')
export const barkCustomer = defineSearchAttributeKey('BarkCustomer', 'KEYWORD')
export const barkTransaction = defineSearchAttributeKey('BarkTransaction', 'KEYWORD')
export const barkPurchaseOrder = defineSearchAttributeKey('BarkPurchaseOrder', 'KEYWORD')
export const barkPayment = defineSearchAttributeKey('BarkPayment', 'KEYWORD')
export const barkEndpoint = defineSearchAttributeKey('BarkEndpoint', 'KEYWORD')
export const barkStage = defineSearchAttributeKey('BarkStage', 'KEYWORD')
export const barkStuckReason = defineSearchAttributeKey('BarkStuckReason', 'KEYWORD')
export const barkNeedsOperator = defineSearchAttributeKey('BarkNeedsOperator', 'BOOL')
export const barkAmountMinor = defineSearchAttributeKey('BarkAmountMinor', 'INT')
export const barkDueAt = defineSearchAttributeKey('BarkDueAt', 'DATETIME')

/**
 * How long an activity's process may be silent before another one takes the activity over. The worker
 * sends the heartbeats; only a process that died or froze misses them.
 */
export const HEARTBEAT_TIMEOUT = '10s'

/** Suppliers, webhooks and mail have a queue of their own, so that a slow outside starves nobody. */
export const outsideTaskQueue = (taskQueue: string) => `${taskQueue}-outside`

const NOTE_CHARACTERS_MAX = 500

/** Refuses an Update at once, in words, when its argument is not one JSON object as described. */
export function validateOperatorRequest(request: OperatorRequest, fields: string[] = []): void {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw ApplicationFailure.nonRetryable('Send one JSON object, for example {} or {"note": "why"}')
  }
  const known = [...fields, 'note']
  const unknown = Object.keys(request).filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    const only = known.length === 1 ? 'only note is known' : `known are ${known.join(', ')}`
    throw ApplicationFailure.nonRetryable(`Unknown field ${unknown.join(', ')}: ${only}`)
  }
  const { note } = request
  if (note !== undefined && (typeof note !== 'string' || note.length > NOTE_CHARACTERS_MAX)) {
    throw ApplicationFailure.nonRetryable(
      `note is a text of ${NOTE_CHARACTERS_MAX} characters at most`,
    )
  }
}

/** Refuses a word about money without saying where it comes from. */
export function validateEvidence(request: OperatorEvidence): void {
  const fields =
    typeof request === 'object' && request !== null && !Array.isArray(request)
      ? Object.keys(request)
      : []
  const isAlone = fields.length === 1 && fields[0] === 'evidence'
  const isText = isAlone && typeof request.evidence === 'string' && request.evidence.trim() !== ''
  if (!isText || request.evidence.length > NOTE_CHARACTERS_MAX) {
    throw ApplicationFailure.nonRetryable(
      `Send {"evidence": "where you saw it"}, ${NOTE_CHARACTERS_MAX} characters at most`,
    )
  }
}

/** Refuses an Update that comes too late to mean anything. */
export function validateStillWaiting(waiting: boolean, otherwise: string): void {
  if (!waiting) throw ApplicationFailure.nonRetryable(otherwise)
}
