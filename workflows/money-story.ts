import {
  allHandlersFinished,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import type { MoneyStep } from '../activities/payments.ts'
import * as contract from './contract.ts'
import { updateKey } from './update-key.ts'
import { createWaiter, type Waiter } from './wait.ts'

/** What every story about money at a provider has in common. */

/** Options of an activity that calls a provider: a call of eight seconds, its turn, and SQL. */
export const PROVIDER_OPTIONS = {
  startToCloseTimeout: '2m',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '30s' },
} as const

/** SQL. A database that is away is waited for; it costs no history. */
export const SQL_OPTIONS = {
  startToCloseTimeout: '15s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const

export type Decision = { key: string; succeeded: boolean; evidence: string }

/** Installs the Updates of a story; they wake it by the waiter. */
type Verbs = (waiter: Waiter) => void

/** An operator's word about an operation whose outcome nobody could find out. */
export function outcomeVerbs(decide: (decision: Decision) => Promise<{ decided: boolean }>): Verbs {
  return (waiter) => {
    const handle = (
      update: typeof contract.markSucceeded,
      succeeded: boolean,
      description: string,
    ) =>
      setHandler(
        update,
        async ({ evidence }) => {
          const { decided } = await decide({ key: updateKey(), succeeded, evidence })
          waiter.wake()
          return {
            accepted: decided,
            effect: decided ? 'It is recorded as you said.' : 'Nothing is unknown here.',
          }
        },
        { description, validator: contract.validateEvidence },
      )
    handle(contract.markSucceeded, true, 'The operation whose outcome is unknown did happen.')
    handle(contract.markFailed, false, 'The operation whose outcome is unknown did not happen.')
  }
}

/**
 * Works until there is nothing left to do: SQL says what is next, this story only keeps the time
 * and carries an operator's word.
 */
export async function runMoneyStory(
  title: string,
  work: () => Promise<MoneyStep>,
  installVerbs: Verbs,
): Promise<{ state: string }> {
  const waiter = createWaiter(title)
  installVerbs(waiter)

  let shown: Trouble = { stuckReason: null, unknown: false }
  for (;;) {
    const step = await work()
    if (step.ended) {
      showTrouble(shown, { stuckReason: null, unknown: false }, step.state)
      setCurrentDetails(`**${title}**\n\n${step.state}`)
      await condition(allHandlersFinished)
      return { state: step.state }
    }
    const trouble = { stuckReason: step.stuckReason, unknown: step.unknown === true }
    showTrouble(shown, trouble, step.state)
    shown = trouble
    await waiter.waitUntil(step.wait, [`state: ${step.state}`])
  }
}

type Trouble = { stuckReason: string | null; unknown: boolean }

/** One upsert when trouble begins, changes or ends; none for a story without any. */
function showTrouble(shown: Trouble, now: Trouble, state: string): void {
  const stuck = now.stuckReason !== shown.stuckReason
  const unknown = now.unknown !== shown.unknown
  if (!stuck && !unknown) return
  upsertSearchAttributes([
    ...(stuck
      ? [
          { key: contract.barkNeedsOperator, value: now.stuckReason !== null },
          { key: contract.barkStuckReason, value: now.stuckReason },
        ]
      : []),
    ...(unknown ? [{ key: contract.barkStage, value: now.unknown ? 'unknown' : state }] : []),
  ])
}
