import type { Client } from '@temporalio/client'
import { listRuns } from './check-workflows.ts'

/**
 * What the product did to get over a fault, by the histories of an account's workflows: activities
 * that were tried again, and workflow tasks that another worker took over. Stable words, sorted.
 */
export async function describeRecovery(client: Client, accountId: string): Promise<string[]> {
  const did = new Set<string>()
  for (const { id } of await listRuns(client, accountId)) {
    const history = await client.workflow.getHandle(id).fetchHistory()
    const scheduled = new Map<string, string>()
    for (const event of history.events ?? []) {
      const task = event.activityTaskScheduledEventAttributes
      if (task) scheduled.set(String(event.eventId), task.activityType?.name ?? '')
      const started = event.activityTaskStartedEventAttributes
      if (started && (started.attempt ?? 1) > 1) {
        did.add(`${scheduled.get(String(started.scheduledEventId))} repeated`)
      }
      if (event.workflowTaskTimedOutEventAttributes) did.add('workflow task taken over')
      if (event.workflowTaskFailedEventAttributes) did.add('workflow task repeated')
    }
  }
  return [...did].sort()
}
