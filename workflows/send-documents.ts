import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'

export type SendDocumentsResult = { taken: boolean }

/**
 * An invoice's documents once more, by mail. A mail server that is away is tried again; one that
 * refuses for good is an answer: it is kept as a bounce, and this story ends.
 */
export async function sendDocuments(
  input: contract.SendDocumentsInput,
): Promise<SendDocumentsResult> {
  const { resendDocuments } = proxyActivities<Activities>({
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1m',
    heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '5s', maximumInterval: '5m' },
    summary: 'mail the documents again',
  })
  return resendDocuments(input)
}
