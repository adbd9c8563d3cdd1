import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'
import { outcomeVerbs, PROVIDER_OPTIONS, runMoneyStory, SQL_OPTIONS } from './money-story.ts'

const { decideRefund } = proxyActivities<Activities>({
  ...SQL_OPTIONS,
  summary: "an operator's word about an unknown outcome",
})

/** Carries one refund until it has arrived or failed. Its amount is held from its first moment. */
export async function refundPayment(
  input: contract.RefundPaymentInput,
): Promise<{ state: string }> {
  const { workRefund } = proxyActivities<Activities>({
    ...PROVIDER_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    summary: 'send, ask, record',
  })
  return runMoneyStory(
    input.refundId,
    () => workRefund(input),
    outcomeVerbs((decision) => decideRefund({ ...input, ...decision })),
  )
}
