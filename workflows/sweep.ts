import { proxyActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'

/** One try per schedule tick is enough: the next tick is a minute away. */
const { sweepWaitingStories } = proxyActivities<Activities>({
  startToCloseTimeout: '50s',
  retry: { maximumAttempts: 3 },
  summary: 'overdue days, silent stories, leftovers',
})

/** The schedule `schedule/sweep`: what a lost command or a dead worker left behind goes on. */
export async function sweep(): Promise<{ swept: number }> {
  return sweepWaitingStories()
}
