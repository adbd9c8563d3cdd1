import {
  allHandlersFinished,
  condition,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RegisteredWait } from '../domain/story.ts'
import * as contract from './contract.ts'
import { updateKey } from './update-key.ts'
import { createWaiter, type Waiter } from './wait.ts'

export type ResolveClaimResult = { state: 'replaced' | 'refunded' | 'rejected' }

/** SQL. The decision is written and done in one transaction. */
const { decideClaim } = proxyActivities<Activities>({
  startToCloseTimeout: '15s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
  summary: "an operator's decision",
})

/** One call of thirty seconds at most, and SQL. What the supplier says is a result. */
const ASK_OPTIONS = {
  startToCloseTimeout: '1m',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '30s' },
  summary: 'ask the supplier about the code',
} as const

/**
 * A delivered code that its buyer calls invalid: the supplier is asked, and replaces it or gives the
 * money back; what it refuses, and a code of the own pool, is for a person to decide.
 */
export async function resolveClaim(input: contract.ResolveClaimInput): Promise<ResolveClaimResult> {
  const waiter = createWaiter(input.claimId)
  handleDecisions(input, waiter)
  const { askAboutClaim } = proxyActivities<Activities>({
    ...ASK_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
  })
  let shown: RegisteredWait | null = null
  for (;;) {
    const look = await askAboutClaim(input)
    if (look.state !== 'open') {
      if (shown !== null) showStage(look.state, null)
      await condition(allHandlersFinished)
      return { state: look.state }
    }
    if (shown === null || (shown.dueAt === null) !== (look.waiting.dueAt === null)) {
      showStage('waiting_for_supplier', look.waiting)
      shown = look.waiting
    }
    await waiter.waitUntil(look.waiting)
  }
}

function handleDecisions(input: contract.ResolveClaimInput, waiter: Waiter): void {
  const verbs = [
    [
      contract.replace,
      'replace',
      'Give the buyer another code from the own pool; it is not billed.',
    ],
    [contract.refund, 'refund', 'Reverse the unit, with a credit note if it was billed.'],
    [contract.reject, 'reject', 'The code is good: end the claim, nothing changes.'],
  ] as const
  for (const [update, verb, description] of verbs) {
    setHandler(
      update,
      async (request) => {
        const answer = await decideClaim({ ...input, verb, key: updateKey(), note: request.note })
        if (answer.accepted) waiter.wake()
        return answer
      },
      { description, validator: contract.validateOperatorRequest },
    )
  }
}

function showStage(stage: string, wait: RegisteredWait | null): void {
  const needsOperator = wait !== null && wait.dueAt === null
  upsertSearchAttributes([
    { key: contract.barkStage, value: needsOperator ? 'waiting_for_person' : stage },
    { key: contract.barkNeedsOperator, value: needsOperator },
    {
      key: contract.barkStuckReason,
      value: needsOperator ? wait.reason.slice(0, contract.KEYWORD_CHARACTERS_MAX) : null,
    },
    {
      key: contract.barkDueAt,
      value: wait === null || wait.dueAt === null ? null : new Date(wait.dueAt),
    },
  ])
}
