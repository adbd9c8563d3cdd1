import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'

export type IssueCreditNoteResult = { creditNote: string }

/** SQL; a database that is away is waited for. */
const sqlOptions = {
  startToCloseTimeout: '30s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const
const { finalizeCreditNote } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'number and freeze the credit note',
})
const { renderCreditNoteDocuments } = proxyActivities<Activities>({
  ...sqlOptions,
  startToCloseTimeout: '5m',
  summary: 'render the documents',
})

/**
 * One credit note: its amounts were decided in the transaction that asked for it; it gets its
 * number, its documents, and goes to the customer.
 */
export async function issueCreditNote(
  input: contract.IssueCreditNoteInput,
): Promise<IssueCreditNoteResult> {
  const { number } = await finalizeCreditNote(input)
  await renderCreditNoteDocuments(input)
  const { sendCreditNote } = proxyActivities<Activities>({
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1m',
    heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '5s', maximumInterval: '5m' },
    summary: 'mail the credit note',
  })
  await sendCreditNote(input)
  return { creditNote: number }
}
