import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'

/** The least that a workflow can do, three times and once. */
const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '10s' })
const local = proxyLocalActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '5s' })

export async function threeActivities(): Promise<void> {
  await nothing()
  await nothing()
  await nothing()
}

export async function oneLocalActivity(): Promise<void> {
  await local.nothing()
}
