import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'
import { outcomeVerbs, PROVIDER_OPTIONS, runMoneyStory, SQL_OPTIONS } from './money-story.ts'

const { decidePayment } = proxyActivities<Activities>({
  ...SQL_OPTIONS,
  summary: "an operator's word about an unknown outcome",
})

/**
 * Carries one payment: authorizes, captures and cancels what was asked for, waits for payer, bank
 * and capture, and finds out what became of calls that were not answered. The only writer of the
 * payment's state.
 */
export async function processPayment(
  input: contract.ProcessPaymentInput,
): Promise<{ state: string }> {
  const { workPayment } = proxyActivities<Activities>({
    ...PROVIDER_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    summary: 'send, ask, record',
  })
  return runMoneyStory(
    input.paymentId,
    () => workPayment(input),
    outcomeVerbs((decision) => decidePayment({ ...input, ...decision })),
  )
}
