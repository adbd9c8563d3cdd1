import {
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { MoneyStep } from '../activities/payments.ts'
import * as contract from './contract.ts'
import { PROVIDER_OPTIONS, runMoneyStory, SQL_OPTIONS } from './money-story.ts'
import { updateKey } from './update-key.ts'
import type { Waiter } from './wait.ts'

const { decideDispute } = proxyActivities<Activities>({
  ...SQL_OPTIONS,
  summary: "an operator's answer to the dispute",
})

/**
 * Carries one dispute from the provider's first word to the bank's decision: reminds of the deadline
 * for evidence, sends the answer, and posts how it ended.
 */
export async function handleDispute(
  input: contract.HandleDisputeInput,
): Promise<{ state: string }> {
  const { workDispute } = proxyActivities<Activities>({
    ...PROVIDER_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    summary: 'send, ask, remind, record',
  })
  const show = createStage()
  return runMoneyStory(
    input.disputeId,
    async () => {
      const step = await workDispute(input)
      show(step)
      return step
    },
    (waiter) => handleAnswers(input, waiter),
  )
}

function handleAnswers(input: contract.HandleDisputeInput, waiter: Waiter): void {
  for (const [update, verb, description] of [
    [
      contract.submitEvidence,
      'submitEvidence',
      'Answer with what the order says: what was sold, delivered, fetched and told.',
    ],
    [contract.accept, 'accept', 'Give the dispute up: the money stays with the payer.'],
  ] as const) {
    setHandler(
      update,
      async ({ note }) => {
        const answer = await decideDispute({ ...input, verb, key: updateKey(), note })
        if (answer.accepted) waiter.wake()
        return answer
      },
      { description, validator: contract.validateOperatorRequest },
    )
  }
}

/** Shows in the list of workflows in which state the dispute is, and when something is due. */
function createStage(): (step: MoneyStep) => void {
  let shown = ''
  return (step) => {
    const dueAt = step.ended ? null : step.wait.dueAt
    const now = `${step.state} ${dueAt}`
    if (now === shown) return
    shown = now
    upsertSearchAttributes([
      { key: contract.barkStage, value: step.state },
      { key: contract.barkDueAt, value: dueAt === null ? null : new Date(dueAt) },
    ])
  }
}
