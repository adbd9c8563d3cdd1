import { proxyActivities, workflowInfo } from '@temporalio/workflow'
import { outsideTaskQueue, type DeliverWebhookInput } from '../../workflows/contract.ts'

/** The three shapes of a webhook delivery; the first is the one that is built. */
export { deliverWebhook } from '../../workflows/deliver-webhook.ts'

/** One activity that fails until the delivery has ended; Temporal's retries are the schedule. */
export async function deliverByRetries(input: DeliverWebhookInput): Promise<void> {
  const { attemptOrRetry } = proxyActivities<{
    attemptOrRetry(input: DeliverWebhookInput): Promise<void>
  }>({
    taskQueue: outsideTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '30s',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '1s', maximumInterval: '10s' },
  })
  await attemptOrRetry(input)
}
