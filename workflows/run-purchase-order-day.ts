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
import { updateKey } from './update-key.ts'
import { createWaiter } from './wait.ts'

export type RunPurchaseOrderDayResult = { invoices: string[] }

/** SQL; a database that is away is waited for. */
const sqlOptions = {
  startToCloseTimeout: '30s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const
const { stepPurchaseOrder } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'close when the day is over',
})
const { closePurchaseOrderNow, holdPurchaseOrder } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: "an operator's decision",
})
const { parkBilling } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'a call for a person',
})
const { billPurchaseOrder } = proxyActivities<Activities>({
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
 * One customer's business day in one currency: wait for its end, let late codes settle, issue the
 * invoice, render it, send it. SQL decides what belongs to the day; this story only keeps the time.
 */
export async function runPurchaseOrderDay(
  input: contract.RunPurchaseOrderDayInput,
): Promise<RunPurchaseOrderDayResult> {
  const waiter = createWaiter(input.purchaseOrderId)
  let step: Awaited<ReturnType<typeof stepPurchaseOrder>> | null = null

  const decide = (
    update: typeof contract.closeNow,
    description: string,
    effect: string,
    write: (key: string, note: string | undefined) => Promise<void>,
  ) =>
    setHandler(
      update,
      async (request) => {
        await write(updateKey(), request.note)
        waiter.wake()
        return { accepted: true, effect }
      },
      {
        description,
        validator(request: contract.OperatorRequest) {
          contract.validateOperatorRequest(request)
          contract.validateStillWaiting(
            step === null || step.step === 'wait',
            'The invoice is being issued already',
          )
        },
      },
    )
  decide(
    contract.closeNow,
    "End the day now; the customer's next order opens the day's next sequence.",
    'The day is closed; the invoice follows when its codes have settled.',
    (key, note) => closePurchaseOrderNow({ ...input, key, note }),
  )
  decide(
    contract.hold,
    'Do not issue the invoice until it is released. The close itself goes on.',
    'The invoice is held.',
    (key, note) => holdPurchaseOrder({ ...input, key, note, held: true }),
  )
  decide(
    contract.release,
    'Undo hold, or try again what could not be billed.',
    'The invoice is issued when the day is closed and settled.',
    (key, note) => holdPurchaseOrder({ ...input, key, note, held: false }),
  )

  for (;;) {
    step = await stepPurchaseOrder(input)
    if (step.step === 'wait') {
      const needsPerson = step.wait.dueAt === null
      if (needsPerson) showNeedsOperator(step.wait.reason)
      await waiter.waitUntil(step.wait)
      if (needsPerson) showNeedsOperator(null)
      continue
    }
    const billed = await billPurchaseOrder(input).catch(explainStuck)
    if (!('stuckReason' in billed)) {
      await finish(input, billed.invoices)
      await condition(allHandlersFinished)
      return billed
    }
    step = null
    const wait = await parkBilling({ ...input, reason: billed.stuckReason })
    showNeedsOperator(billed.stuckReason)
    await waiter.waitUntil(wait)
    showNeedsOperator(null)
  }
}

/** The documents, and the mail to the customer; nothing when there was nothing to bill. */
async function finish(input: contract.RunPurchaseOrderDayInput, invoices: string[]): Promise<void> {
  if (invoices.length === 0) return
  await renderInvoices(input)
  const { sendInvoices } = proxyActivities<Activities>({
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1m',
    heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '5s', maximumInterval: '5m' },
    summary: 'mail the invoice',
  })
  await sendInvoices(input)
}
