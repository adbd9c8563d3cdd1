import {
  allHandlersFinished,
  condition,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'
import { explainStuck, showNeedsOperator } from './needs-operator.ts'
import { createWaiter } from './wait.ts'

export type IssueInvoiceResult = { invoices: string[] }

/** SQL; a database that is away is waited for. */
const sqlOptions = {
  startToCloseTimeout: '30s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const
const { stepInvoiceRun, parkBilling } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'the cut-off, or a call for a person',
})
const { billInvoiceRun } = proxyActivities<Activities>({
  ...sqlOptions,
  startToCloseTimeout: '2m',
  summary: 'number and freeze the invoice',
})
const { renderInvoices } = proxyActivities<Activities>({
  ...sqlOptions,
  startToCloseTimeout: '5m',
  summary: 'render the documents',
})

/**
 * A supplementary invoice: what was delivered after the invoice of its purchase order is billed at
 * the customer's next cut-off, numbered, rendered and sent.
 */
export async function issueInvoice(input: contract.IssueInvoiceInput): Promise<IssueInvoiceResult> {
  const waiter = createWaiter(input.invoiceRunId)
  let waiting = true
  setHandler(
    contract.retryNow,
    () => {
      waiter.wake()
      return { accepted: true, effect: 'The invoice is tried again now, if its cut-off is over.' }
    },
    {
      description: 'Look again now: the seller was completed, or the cut-off is over.',
      validator(request: contract.OperatorRequest) {
        contract.validateOperatorRequest(request)
        contract.validateStillWaiting(waiting, 'The invoice is being issued already')
      },
    },
  )

  for (;;) {
    waiting = true
    const step = await stepInvoiceRun(input)
    if (step.step === 'wait') {
      await waiter.waitUntil(step.wait)
      continue
    }
    waiting = false
    const billed = await billInvoiceRun(input).catch(explainStuck)
    if ('stuckReason' in billed) {
      waiting = true
      const wait = await parkBilling({ ...input, reason: billed.stuckReason })
      showNeedsOperator(billed.stuckReason)
      await waiter.waitUntil(wait)
      showNeedsOperator(null)
      continue
    }
    await renderInvoices({ accountId: input.accountId, purchaseOrderId: step.purchaseOrderId })
    const { sendInvoiceRun } = proxyActivities<Activities>({
      taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
      startToCloseTimeout: '1m',
      heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
      retry: { initialInterval: '5s', maximumInterval: '5m' },
      summary: 'mail the invoice',
    })
    await sendInvoiceRun(input)
    await condition(allHandlersFinished)
    return billed
  }
}
