import type { WorkflowStartOptions } from '@temporalio/client'
import { TypedSearchAttributes, type SearchAttributePair } from '@temporalio/common'
import type { OutboxRow } from './db/outbox.ts'
import { formatDecimal } from './domain/money.ts'
import type { WorkflowType } from './domain/story.ts'
import * as contract from './workflows/contract.ts'

/** A field of a command's subject, as text; nothing where the command does not say. */
type Subject = (field: string) => string

/** How one kind of story is called, what it gets and what the web UI shows of it. */
type Story = {
  workflowId: (subject: Subject) => string
  /** The one argument besides the account, and the field it comes from. */
  input?: [argument: string, field: string]
  summary: (subject: Subject) => string
  attributes: [key: typeof contract.barkCustomer, field: string][]
  /** The field with an amount of money in minor units. */
  amount?: string
  /** Paths of the API, with fields in braces. */
  links: [title: string, path: string][]
}

const LINK = {
  transaction: ['Transaction', '/v2/transactions/{transaction_id}'],
  purchaseOrder: ['Purchase order', '/v2/purchase-orders/{purchase_order_id}'],
  invoice: ['Invoice', '/v2/invoices/{invoice_id}'],
} as const satisfies Record<string, Story['links'][number]>
const CUSTOMER: Story['attributes'][number] = [contract.barkCustomer, 'customer_id']
const TRANSACTION: Story['attributes'][number] = [contract.barkTransaction, 'transaction_id']
const PURCHASE_ORDER: Story['attributes'][number] = [
  contract.barkPurchaseOrder,
  'purchase_order_id',
]

const STORIES: Record<WorkflowType, Story> = {
  fulfillTransaction: {
    workflowId: (subject) => contract.transactionWorkflowId(subject('transaction_id')),
    input: ['transactionId', 'transaction_id'],
    summary: (subject) =>
      joined(
        `${subject('lines')} lines, ${subject('units')} units`,
        subject('customer_name'),
        money(subject('total_minor'), subject('currency')),
      ),
    attributes: [TRANSACTION, CUSTOMER, PURCHASE_ORDER],
    amount: 'total_minor',
    links: [LINK.transaction, LINK.purchaseOrder],
  },
  runPurchaseOrderDay: {
    workflowId: (subject) =>
      contract.purchaseOrderWorkflowId({
        customerId: subject('customer_id'),
        businessDate: subject('business_date'),
        currency: subject('currency'),
        sequence: Number(subject('sequence') || 1),
      }),
    input: ['purchaseOrderId', 'purchase_order_id'],
    summary: (subject) =>
      joined(subject('business_date'), subject('customer_id'), subject('currency')),
    attributes: [CUSTOMER, PURCHASE_ORDER],
    links: [LINK.purchaseOrder],
  },
  closeAccountDay: {
    workflowId: (subject) => contract.accountDayWorkflowId(subject('account_day_id')),
    input: ['accountDayId', 'account_day_id'],
    summary: (subject) => `finance hears of ${subject('business_date')}`,
    attributes: [],
    links: [['Day', '/v2/day-close/{business_date}']],
  },
  issueInvoice: {
    workflowId: (subject) => contract.invoiceRunWorkflowId(subject('invoice_run_id')),
    input: ['invoiceRunId', 'invoice_run_id'],
    summary: (subject) => joined(`run ${subject('run')}`, subject('customer_id')),
    attributes: [CUSTOMER, PURCHASE_ORDER],
    links: [LINK.purchaseOrder],
  },
  issueCreditNote: {
    workflowId: (subject) => contract.creditNoteWorkflowId(subject('credit_note_id')),
    input: ['creditNoteId', 'credit_note_id'],
    summary: (subject) =>
      joined(
        subject('invoice_id'),
        subject('customer_id'),
        money(subject('total_minor'), subject('currency')),
      ),
    attributes: [CUSTOMER],
    amount: 'total_minor',
    links: [['Credit note', '/v2/credit-notes/{credit_note_id}'], LINK.invoice],
  },
  sendDocuments: {
    workflowId: (subject) => contract.documentsWorkflowId(subject('send_id')),
    input: ['sendId', 'send_id'],
    summary: (subject) => `documents once more: ${subject('send_id')}`,
    attributes: [],
    links: [LINK.invoice],
  },
  resolveClaim: {
    workflowId: (subject) => contract.claimWorkflowId(subject('claim_id')),
    input: ['claimId', 'claim_id'],
    summary: (subject) => joined(subject('unit_id'), subject('customer_id')),
    attributes: [CUSTOMER, TRANSACTION],
    links: [['Claim', '/v2/claims/{claim_id}'], LINK.transaction],
  },
  deliverWebhook: {
    workflowId: (subject) => contract.webhookWorkflowId(subject('delivery_id')),
    input: ['deliveryId', 'delivery_id'],
    summary: (subject) => `${subject('event_type')} to ${subject('webhook_id')}`,
    attributes: [[contract.barkEndpoint, 'webhook_id']],
    links: [['Delivery', '/v2/webhooks/{webhook_id}/deliveries/{delivery_id}']],
  },
  processPayment: {
    workflowId: (subject) => contract.paymentWorkflowId(subject('payment_id'), runOf(subject)),
    input: ['paymentId', 'payment_id'],
    summary: (subject) => money(subject('amount_minor'), subject('currency')),
    attributes: [[contract.barkPayment, 'payment_id']],
    amount: 'amount_minor',
    links: [['Payment', '/v2/payments/intents/{payment_id}']],
  },
  refundPayment: {
    workflowId: (subject) => contract.refundWorkflowId(subject('refund_id'), runOf(subject)),
    input: ['refundId', 'refund_id'],
    summary: (subject) => money(subject('amount_minor'), subject('currency')),
    attributes: [],
    amount: 'amount_minor',
    links: [['Refund', '/v2/refunds/{refund_id}']],
  },
  handleDispute: {
    workflowId: (subject) => contract.disputeWorkflowId(subject('dispute_id'), runOf(subject)),
    input: ['disputeId', 'dispute_id'],
    summary: (subject) => money(subject('amount_minor'), subject('currency')),
    attributes: [[contract.barkPayment, 'payment_id'], CUSTOMER, TRANSACTION],
    amount: 'amount_minor',
    links: [
      ['Dispute', '/v2/payments/disputes/{dispute_id}'],
      ['Payment', '/v2/payments/intents/{payment_id}'],
    ],
  },
  reconcilePayments: {
    workflowId: (subject) =>
      contract.reconciliationWorkflowId(subject('reconciliation_id'), runOf(subject)),
    input: ['reconciliationId', 'reconciliation_id'],
    summary: (subject) => `payments of ${subject('business_date')}`,
    attributes: [],
    links: [['Differences', '/v2/payments/differences?reconciliation_id={reconciliation_id}']],
  },
  reconcileLedger: {
    workflowId: (subject) =>
      contract.ledgerReconciliationWorkflowId(subject('ledger_reconciliation_id')),
    input: ['ledgerReconciliationId', 'ledger_reconciliation_id'],
    summary: (subject) => `books after ${subject('business_date')}`,
    attributes: [],
    links: [['Report', '/v2/ledger/reconciliations/{ledger_reconciliation_id}']],
  },
  sweep: {
    workflowId: () => contract.SWEEP_SCHEDULE_ID,
    summary: () => 'Closes what is overdue and starts what is missing',
    attributes: [],
    links: [],
  },
}

/** Every kind of story, in alphabetical order. */
export const STORY_TYPES = Object.keys(STORIES).toSorted()

type StartDescription = Pick<
  WorkflowStartOptions,
  'workflowId' | 'args' | 'staticSummary' | 'staticDetails' | 'typedSearchAttributes'
> & { type: WorkflowType }

const SUMMARY_LENGTH_MAX = 200 // Temporal’s own limit

/**
 * How a command is started: its workflow's id, its input and what the web UI shows of it: ids, counts,
 * amounts. With `apiUrl` the paths are links.
 */
export function describeStart(row: OutboxRow, apiUrl: string | undefined): StartDescription {
  const story = STORIES[row.workflow]
  const subject = subjectOf(row)
  const [argument, field] = story.input ?? []
  const attributes: SearchAttributePair[] = [
    { key: contract.barkAccount, value: row.account_id },
    ...story.attributes.map(([key, name]) => ({ key, value: subject(name) })),
  ]
  if (story.amount !== undefined) {
    attributes.push({ key: contract.barkAmountMinor, value: Number(subject(story.amount)) })
  }
  const links = story.links.map(([title, template]) => {
    const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => subject(name))
    return apiUrl === undefined ? `${title}: \`${path}\`` : `[${title}](${apiUrl}${path})`
  })
  return {
    type: row.workflow,
    workflowId: story.workflowId(subject),
    args: [
      {
        accountId: row.account_id,
        ...(argument === undefined || field === undefined ? {} : { [argument]: subject(field) }),
      },
    ],
    staticSummary: story.summary(subject).slice(0, SUMMARY_LENGTH_MAX),
    staticDetails: links.join('\n\n'),
    typedSearchAttributes: new TypedSearchAttributes(attributes),
  }
}

/** The id of the workflow that a command is for: built from the ids in its subject. */
export function workflowIdOf(row: Pick<OutboxRow, 'workflow' | 'subject'>): string {
  return STORIES[row.workflow].workflowId(subjectOf(row))
}

function subjectOf({ subject }: Pick<OutboxRow, 'subject'>): Subject {
  return (field) => String(subject[field] ?? '')
}

function joined(...parts: string[]): string {
  return parts.join(' · ')
}

/** "149.97 USD", or nothing where a command does not say. */
function money(minor: string, currency: string): string {
  return currency === '' ? '' : `${formatDecimal(BigInt(minor || '0'), currency)} ${currency}`
}

/** Which run of a story about money; the first, where a command does not say. */
function runOf(subject: Subject): number {
  return Number(subject('run') || 1)
}
