import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'

/** Up to a few hundred calls at the provider's own pace; while it is silent the day waits. */
const COMPARE_OPTIONS = {
  startToCloseTimeout: '1h',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '10s', maximumInterval: '10m' },
  summary: 'compare with the provider, page by page',
} as const

/** Compares one day of an account with the provider; what differs is a row, an event, a line. */
export async function reconcilePayments(
  input: contract.ReconcilePaymentsInput,
): Promise<{ payments: number; movements: number; differences: number }> {
  const { reconcileDay } = proxyActivities<Activities>({
    ...COMPARE_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
  })
  const result = await reconcileDay(input)
  setCurrentDetails(
    `${result.payments} payments and ${result.movements} movements compared\n\n` +
      `**${result.differences} differ**`,
  )
  return result
}
