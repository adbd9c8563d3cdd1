import type { WorkflowStartOptions } from '@temporalio/client'
import { TypedSearchAttributes, type SearchAttributePair } from '@temporalio/common'
import type { OutboxRow } from './db/outbox.ts'
import { formatDecimal } from './domain/money.ts'
import * as contract from './workflows/contract.ts'

type StartDescription = Pick<
  WorkflowStartOptions,
  'workflowId' | 'args' | 'staticSummary' | 'staticDetails' | 'typedSearchAttributes'
> & { type: OutboxRow['workflow'] }

/** What the web UI shows of a workflow and what it gets as input: ids, counts, amounts. */
export function describeStart(row: OutboxRow, apiUrl: string | undefined): StartDescription {
  const { subject } = row
  const text = (name: string) => String(subject[name] ?? '')
  const attributes: SearchAttributePair[] = [{ key: contract.barkAccount, value: row.account_id }]
  const customer = () => ({ key: contract.barkCustomer, value: text('customer_id') })
  const purchaseOrder = () => ({
    key: contract.barkPurchaseOrder,
    value: text('purchase_order_id'),
  })
  const links: string[] = []
  const link = (title: string, path: string) =>
    links.push(apiUrl === undefined ? `${title}: \`${path}\`` : `[${title}](${apiUrl}${path})`)
  let input: object = { accountId: row.account_id }
  let summary = ''
  switch (row.workflow) {
    case 'fulfillTransaction':
      input = { ...input, transactionId: text('transaction_id') }
      summary = orderSummary(subject)
      attributes.push(...orderAttributes(subject))
      link('Transaction', `/v2/transactions/${text('transaction_id')}`)
      link('Purchase order', `/v2/purchase-orders/${text('purchase_order_id')}`)
      break
    case 'runPurchaseOrderDay':
      input = { ...input, purchaseOrderId: text('purchase_order_id') }
      summary = `${text('business_date')} · ${text('customer_id')} · ${text('currency')}`
      attributes.push(customer(), purchaseOrder())
      link('Purchase order', `/v2/purchase-orders/${text('purchase_order_id')}`)
      break
    case 'issueInvoice':
      input = { ...input, invoiceRunId: text('invoice_run_id') }
      summary = `run ${text('run')} · ${text('customer_id')}`
      attributes.push(customer(), purchaseOrder())
      link('Purchase order', `/v2/purchase-orders/${text('purchase_order_id')}`)
      break
    case 'sendDocuments':
    case 'issueCreditNote':
    case 'resolveClaim': {
      const after = describeAfterSale(row)
      attributes.push(...after.attributes)
      for (const [title, path] of after.links) link(title, path)
      input = { ...input, ...after.input }
      summary = after.summary
      break
    }
    case 'deliverWebhook':
      input = { ...input, deliveryId: text('delivery_id') }
      summary = `${text('event_type')} to ${text('webhook_id')}`
      attributes.push({ key: contract.barkEndpoint, value: text('webhook_id') })
      link('Delivery', `/v2/webhooks/${text('webhook_id')}/deliveries/${text('delivery_id')}`)
      break
    case 'processPayment':
    case 'refundPayment': {
      const money = describeMoney(row)
      attributes.push(...money.attributes)
      link('API', money.path)
      input = { ...input, ...money.input }
      summary = money.summary
      break
    }
    case 'sweep':
      summary = 'Closes what is overdue and starts what is missing'
      break
  }
  return {
    type: row.workflow,
    workflowId: workflowIdOf(row),
    args: [input],
    staticSummary: summary.slice(0, 200),
    staticDetails: links.join('\n\n'),
    typedSearchAttributes: new TypedSearchAttributes(attributes),
  }
}

function displayAmount(minor: string, currency: string): string {
  return `${formatDecimal(BigInt(minor), currency)} ${currency}`
}

function orderSummary(subject: OutboxRow['subject']): string {
  const text = (name: string) => String(subject[name] ?? '')
  return [
    `${text('lines')} lines, ${text('units')} units`,
    text('customer_name'),
    displayAmount(text('total_minor') || '0', text('currency')),
  ].join(' · ')
}

function orderAttributes(subject: OutboxRow['subject']): SearchAttributePair[] {
  const text = (name: string) => String(subject[name] ?? '')
  return [
    { key: contract.barkTransaction, value: text('transaction_id') },
    { key: contract.barkCustomer, value: text('customer_id') },
    { key: contract.barkPurchaseOrder, value: text('purchase_order_id') },
    { key: contract.barkAmountMinor, value: Number(subject['total_minor'] ?? 0) },
  ]
}

type Told = {
  input: object
  summary: string
  attributes: SearchAttributePair[]
  links: [title: string, path: string][]
}

/** What a story about something that was sold already says of itself. */
function describeAfterSale({ workflow, subject }: OutboxRow): Told {
  const text = (name: string) => String(subject[name] ?? '')
  const customer = { key: contract.barkCustomer, value: text('customer_id') }
  const invoice: Told['links'][number] = ['Invoice', `/v2/invoices/${text('invoice_id')}`]
  if (workflow === 'sendDocuments') {
    return {
      input: { sendId: text('send_id') },
      summary: `documents of ${text('invoice_id')} once more`,
      attributes: [],
      links: [invoice],
    }
  }
  if (workflow === 'issueCreditNote') {
    const amount = displayAmount(text('total_minor') || '0', text('currency'))
    return {
      input: { creditNoteId: text('credit_note_id') },
      summary: [text('invoice_id'), text('customer_id'), amount].join(' · '),
      attributes: [
        customer,
        { key: contract.barkAmountMinor, value: Number(subject['total_minor'] ?? 0) },
      ],
      links: [['Credit note', `/v2/credit-notes/${text('credit_note_id')}`], invoice],
    }
  }
  return {
    input: { claimId: text('claim_id') },
    summary: `${text('unit_id')} · ${text('customer_id')}`,
    attributes: [customer, { key: contract.barkTransaction, value: text('transaction_id') }],
    links: [
      ['Claim', `/v2/claims/${text('claim_id')}`],
      ['Transaction', `/v2/transactions/${text('transaction_id')}`],
    ],
  }
}

/** What a story about money at a provider says of itself. */
function describeMoney(row: OutboxRow) {
  const [name, id] = moneyOf(row)
  const amount = Number(row.subject['amount_minor'] ?? 0)
  const isPayment = name === 'paymentId'
  const attributes: SearchAttributePair[] = [{ key: contract.barkAmountMinor, value: amount }]
  if (isPayment) attributes.push({ key: contract.barkPayment, value: id })
  return {
    input: { [name]: id },
    summary: amountOf(row.subject),
    attributes,
    path: isPayment ? `/v2/payments/intents/${id}` : `/v2/refunds/${id}`,
  }
}

/** The argument that names what a story about money is about. */
function moneyOf({ workflow, subject }: OutboxRow): ['paymentId' | 'refundId', string] {
  return workflow === 'processPayment'
    ? ['paymentId', String(subject['payment_id'])]
    : ['refundId', String(subject['refund_id'])]
}

/** "149.97 USD", or nothing where a command does not say. */
function amountOf(subject: OutboxRow['subject']): string {
  const [minor, currency] = [subject['amount_minor'], subject['currency']]
  if (minor === undefined || currency === undefined) return ''
  return `${formatDecimal(BigInt(minor), String(currency))} ${currency}`
}

/** The id of the workflow that a command is for: built from the ids in its subject. */
export function workflowIdOf(row: Pick<OutboxRow, 'workflow' | 'subject'>): string {
  const text = (name: string) => String(row.subject[name] ?? '')
  switch (row.workflow) {
    case 'fulfillTransaction':
      return contract.transactionWorkflowId(text('transaction_id'))
    case 'runPurchaseOrderDay':
      return contract.purchaseOrderWorkflowId({
        customerId: text('customer_id'),
        businessDate: text('business_date'),
        currency: text('currency'),
        sequence: Number(row.subject['sequence'] ?? 1),
      })
    case 'issueInvoice':
      return contract.invoiceRunWorkflowId(text('invoice_run_id'))
    case 'sendDocuments':
      return contract.documentsWorkflowId(text('send_id'))
    case 'issueCreditNote':
      return contract.creditNoteWorkflowId(text('credit_note_id'))
    case 'deliverWebhook':
      return contract.webhookWorkflowId(text('delivery_id'))
    case 'processPayment':
      return contract.paymentWorkflowId(text('payment_id'), Number(row.subject['run'] ?? 1))
    case 'refundPayment':
      return contract.refundWorkflowId(text('refund_id'), Number(row.subject['run'] ?? 1))
    case 'resolveClaim':
      return contract.claimWorkflowId(text('claim_id'))
    case 'sweep':
      return contract.SWEEP_SCHEDULE_ID
  }
}
