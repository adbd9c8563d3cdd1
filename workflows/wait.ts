import { condition, setCurrentDetails, setHandler } from '@temporalio/workflow'
import type { RegisteredWait } from '../domain/story.ts'
import { clockMoved, waitingFor, wokenUp, type WaitingFor } from './contract.ts'

export type Waiter = {
  /**
   * The only way a workflow waits: until the business instant has come, or it is woken up (by
   * `wokenUp`, or by `wake()` of an operator's Update), and answers whether it was woken. `detail`
   * are lines for the operator.
   */
  waitUntil(wait: RegisteredWait, detail?: string[]): Promise<boolean>
  /** Ends the current wait, or the next one if none has begun: no wake-up is lost. */
  wake(): void
}

const CLOCK_SLACK_MS = 5 // business_now() of the next statement is never before the timer's instant

/**
 * Installs the handlers of a waiting workflow. `title` is the first line of the details that the
 * web UI shows. A test account's clock only moves forward, so the largest offset seen is the truth.
 */
export function createWaiter(title: string): Waiter {
  let offsetMs = 0
  let wakeUps = 0
  let current: WaitingFor | null = null
  const wake = () => {
    wakeUps += 1
  }
  setHandler(
    clockMoved,
    (moved) => {
      offsetMs = Math.max(offsetMs, moved.offsetMs)
    },
    { description: "The test account's clock moved forward." },
  )
  setHandler(wokenUp, wake, { description: 'Something in SQL changed: look again now.' })
  setHandler(waitingFor, () => current, { description: 'What this workflow is waiting for.' })

  return {
    wake,
    async waitUntil(wait, detail = []) {
      offsetMs = Math.max(offsetMs, wait.clockOffsetMs)
      current = {
        reason: wait.reason,
        dueAt: wait.dueAt,
        since: new Date(Date.now() + offsetMs).toISOString(),
      }
      setCurrentDetails(
        `**${title}**\n\nWaiting: ${wait.reason}\n\nSince ${current.since}` +
          (wait.dueAt === null ? '' : `, next action at ${wait.dueAt}`) +
          detail.map((line) => `\n\n- ${line}`).join(''),
      )
      const dueMs = wait.dueAt === null ? null : Date.parse(wait.dueAt)
      const isDue = () => dueMs !== null && Date.now() + offsetMs >= dueMs
      const isOver = () => wakeUps > 0
      while (!isDue() && !isOver()) {
        const offsetBefore = offsetMs
        const changed = () => isOver() || offsetMs !== offsetBefore
        if (dueMs === null) {
          await condition(changed)
          continue
        }
        const leftMs = dueMs - offsetMs - Date.now() + CLOCK_SLACK_MS
        await condition(changed, leftMs, { summary: wait.reason })
      }
      const woken = wakeUps > 0
      wakeUps = 0
      current = null
      setCurrentDetails(`**${title}**\n\nActing: ${wait.reason}`)
      return woken
    },
  }
}
