import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'
import { createWaiter } from './wait.ts'

export type CloseAccountDayResult = { complete: boolean; taken: boolean }

/** SQL; a database that is away is waited for. */
const sqlOptions = {
  startToCloseTimeout: '2m',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const
const { stepAccountDay } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'what of the date is still open',
})
const { writeAccountDay } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'add up the date and freeze it',
})

/**
 * One business date of an account, for finance: wait for its last purchase order, add it up by
 * customer and currency, send it. What is not done in time is told as open, and told again later.
 */
export async function closeAccountDay(
  input: contract.CloseAccountDayInput,
): Promise<CloseAccountDayResult> {
  const waiter = createWaiter(input.accountDayId)
  for (;;) {
    const step = await stepAccountDay(input)
    if (step.step === 'write') break
    await waiter.waitUntil(step.wait)
  }
  const { complete } = await writeAccountDay(input)
  const { sendAccountDay } = proxyActivities<Activities>({
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1m',
    heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '5s', maximumInterval: '5m' },
    summary: 'mail the digest to finance',
  })
  const { taken } = await sendAccountDay(input)
  return { complete, taken }
}
