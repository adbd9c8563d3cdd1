import {
  allHandlersFinished,
  condition,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'
import { updateKey } from './update-key.ts'
import { createWaiter } from './wait.ts'

export type FulfillTransactionResult = { units: Partial<Record<string, number>> }

/** The own pool in the first task: one statement. A failure falls back to the regular activity. */
const atOnce = proxyLocalActivities<Activities>({
  startToCloseTimeout: '5s',
  retry: { maximumAttempts: 1 },
})

/** SQL. A database that is away is waited for; it costs no history. */
const { allocateCodes, awaitCodes, recordCancelRemaining } = proxyActivities<Activities>({
  startToCloseTimeout: '15s',
  retry: { initialInterval: '1s', maximumInterval: '10s' },
  summary: 'own pool, deadline, end',
})

/**
 * Carries one transaction from its acceptance until no unit is open: the own pool first, then the
 * suppliers, until the deadline or an operator's `cancelRemaining`. What is true stands in SQL;
 * this story only decides when to look again.
 */
export async function fulfillTransaction(
  input: contract.FulfillTransactionInput,
): Promise<FulfillTransactionResult> {
  const waiter = createWaiter(input.transactionId)
  setHandler(
    contract.cancelRemaining,
    async (request) => {
      await recordCancelRemaining({ ...input, key: updateKey(), note: request.note })
      waiter.wake()
      return { accepted: true, effect: 'Nothing more is bought; open units end as cancelled.' }
    },
    {
      description: 'Give up every unit that is not delivered, and release what it holds.',
      validator: contract.validateOperatorRequest,
    },
  )
  setHandler(
    contract.retryNow,
    () => {
      waiter.wake()
      return { accepted: true, effect: 'The pool and the suppliers are asked again now.' }
    },
    {
      description: 'Ask the own pool and the suppliers again now.',
      validator: contract.validateOperatorRequest,
    },
  )

  let progress = await allocateAtOnce(input)
  if (progress.ended) return { units: progress.units }

  const { sourceCodes } = proxyActivities<Activities>({
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '2m',
    heartbeatTimeout: '40s',
    retry: { initialInterval: '1s', maximumInterval: '30s' },
    summary: 'buy from suppliers',
  })
  let shown = false
  for (;;) {
    const look = await awaitCodes(input)
    progress = look
    if (look.ended) break
    if (look.toSource) {
      await sourceCodes(input)
      continue
    }
    if (!shown || look.waiting.dueAt === null) {
      upsertSearchAttributes([
        { key: contract.barkStage, value: 'waiting for codes' },
        { key: contract.barkNeedsOperator, value: look.waiting.dueAt === null },
        { key: contract.barkStuckReason, value: look.waiting.dueAt === null ? look.waiting.reason.slice(0, 250) : '' },
        ...(look.waiting.dueAt === null
          ? []
          : [{ key: contract.barkDueAt, value: new Date(look.waiting.dueAt) }]),
      ])
      shown = true
    }
    await waiter.waitUntil(look.waiting)
  }
  if (shown) {
    upsertSearchAttributes([
      { key: contract.barkStage, value: 'done' },
      { key: contract.barkNeedsOperator, value: false },
      { key: contract.barkStuckReason, value: null },
      { key: contract.barkDueAt, value: null },
    ])
  }
  await condition(allHandlersFinished)
  return { units: progress.units }
}

async function allocateAtOnce(input: contract.FulfillTransactionInput) {
  try {
    return await atOnce.allocateCodes(input)
  } catch {
    // Whatever it was, the same function as a regular activity shows it to the operator.
    return allocateCodes(input)
  }
}
