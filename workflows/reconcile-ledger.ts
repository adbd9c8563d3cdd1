import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'

/** It reads every row of an account: with the slow ones, so that no order waits behind it. */
const REPORT_OPTIONS = {
  startToCloseTimeout: '15m',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '10s', maximumInterval: '10m' },
  summary: 'compare the business rows with the ledger',
} as const

/** The identities of finance, after a day: the report is kept, and what differs is an alarm. */
export async function reconcileLedger(
  input: contract.ReconcileLedgerInput,
): Promise<{ identities: number; differing: number }> {
  const { reportLedger } = proxyActivities<Activities>({
    ...REPORT_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
  })
  const result = await reportLedger(input)
  setCurrentDetails(
    `${result.identities} identities compared\n\n**${result.differing} do not hold**`,
  )
  return result
}
