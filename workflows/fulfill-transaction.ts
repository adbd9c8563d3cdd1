import {
  allHandlersFinished,
  condition,
  proxyActivities,
  proxyLocalActivities,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { RegisteredWait } from '../domain/story.ts'
import * as contract from './contract.ts'
import { handleFulfillDecisions } from './fulfill-decisions.ts'
import { createWaiter } from './wait.ts'

export type FulfillTransactionResult = { units: Partial<Record<string, number>> }

/** The own pool in the first task: one statement. A failure falls back to the regular activity. */
const atOnce = proxyLocalActivities<Activities>({
  startToCloseTimeout: '5s',
  retry: { maximumAttempts: 1 },
})

/** SQL. A database that is away is waited for; it costs no history. */
const sqlOptions = {
  startToCloseTimeout: '15s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const
const { allocateCodes, awaitCodes } = proxyActivities<Activities>({
  ...sqlOptions,
  summary: 'own pool, deadline, end',
})

/** Up to ten calls of ten seconds. What a supplier says is a result. */
const SOURCE_OPTIONS = {
  startToCloseTimeout: '3m',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '30s' },
  summary: 'buy from suppliers',
} as const

/**
 * Carries one transaction from its acceptance until no unit is open: the own pool first, then the
 * suppliers, until the deadline or an operator's `cancelRemaining`. What is true stands in SQL;
 * this story only decides when to look again.
 */
export async function fulfillTransaction(
  input: contract.FulfillTransactionInput,
): Promise<FulfillTransactionResult> {
  const waiter = createWaiter(input.transactionId)
  handleFulfillDecisions(input, waiter)
  const progress = await allocateAtOnce(input)
  if (progress.ended) return { units: progress.units }

  const { sourceCodes } = proxyActivities<Activities>({
    ...SOURCE_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
  })
  let shown: RegisteredWait | null = null
  let shownStage: string | null = null
  let look = await awaitCodes(input)
  for (;;) {
    if (look.ended) {
      if (shown !== null) showStage('done', null)
      await condition(allHandlersFinished)
      return { units: look.units }
    }
    if (look.toSource) {
      const sourced = await sourceCodes(input)
      look = saysHowItStands(sourced) ? sourced : await awaitCodes(input)
      continue
    }
    const stage = look.stage ?? 'waiting_for_codes'
    const isStuck = (wait: RegisteredWait) => wait.dueAt === null
    if (shown === null || stage !== shownStage || isStuck(shown) !== isStuck(look.waiting)) {
      showStage(stage, look.waiting)
      shown = look.waiting
      shownStage = stage
    }
    const woken = await waiter.waitUntil(look.waiting, look.detail)
    // Whoever was woken looks into the own pool first; a supplier's turn looks there by itself.
    look =
      look.afterwards === 'source' && !woken ? await sourceCodes(input) : await awaitCodes(input)
  }
}

/** What an earlier version recorded holds only counts: its story went on with a look. */
function saysHowItStands(sourced: object): boolean {
  return 'ended' in sourced
}

async function allocateAtOnce(input: contract.FulfillTransactionInput) {
  try {
    return await atOnce.allocateCodes(input)
  } catch {
    // Whatever it was, the same function as a regular activity shows it to the operator.
    return allocateCodes(input)
  }
}

/** One upsert on entering a wait or needing a person, one at the end. */
function showStage(stage: string, wait: RegisteredWait | null): void {
  const needsOperator = wait !== null && wait.dueAt === null
  upsertSearchAttributes([
    { key: contract.barkStage, value: stage },
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
