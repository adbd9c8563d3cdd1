/** The durable stories of Bark: one workflow type each, named alike in SQL, code and web UI. */
export type WorkflowType =
  | 'fulfillTransaction'
  | 'runPurchaseOrderDay'
  | 'closeAccountDay'
  | 'issueInvoice'
  | 'issueCreditNote'
  | 'sendDocuments'
  | 'deliverWebhook'
  | 'processPayment'
  | 'refundPayment'
  | 'handleDispute'
  | 'reconcilePayments'
  | 'reconcileLedger'
  | 'resolveClaim'
  | 'sweep'

/**
 * What a workflow needs to sleep: the instant of business time (RFC 3339; null = for a person), and
 * how far the account's clock is ahead of real time.
 */
export type RegisteredWait = { dueAt: string | null; clockOffsetMs: number; reason: string }
