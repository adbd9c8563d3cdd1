import { ActivityFailure } from '@temporalio/common'
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { Activities } from '../activities/index.ts'
import type { DeliveryStep } from '../activities/webhooks.ts'
import * as contract from './contract.ts'
import { updateKey } from './update-key.ts'
import { createWaiter, type Waiter } from './wait.ts'

export type DeliverWebhookResult = {
  state: 'delivered' | 'failed' | 'cancelled'
  reason: string | null
  attempts: number
}

/** SQL. A database that is away is waited for; it costs no history. */
const { decideDelivery, parkDelivery } = proxyActivities<Activities>({
  startToCloseTimeout: '15s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
  summary: "an operator's decision, or a call for one",
})

/**
 * One exchange of fifteen seconds at most, up to ten for its place among others, and SQL. It is repeated
 * only when SQL fails or the worker dies; what the endpoint answers is a result.
 */
const ATTEMPT_OPTIONS = {
  startToCloseTimeout: '30s',
  heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumInterval: '10s' },
} as const

/**
 * Tells one endpoint of one event: at once, then after 1 minute, 5 minutes, 30 minutes, 2 hours and
 * 6 hours, until it answers 2xx. SQL counts the attempts and says when the next one is due; this
 * story only keeps the time, so no reset and no repeat can make a seventh attempt.
 */
export async function deliverWebhook(
  input: contract.DeliverWebhookInput,
): Promise<DeliverWebhookResult> {
  const waiter = createWaiter(input.deliveryId)
  let sending = true
  handleDecisions(input, waiter, () => sending)
  const { attemptDelivery } = proxyActivities<Activities>({
    ...ATTEMPT_OPTIONS,
    taskQueue: contract.outsideTaskQueue(workflowInfo().taskQueue),
    summary: 'send when due',
  })

  let waited = false
  for (;;) {
    sending = true
    const step = await attemptDelivery(input).catch(explainStuck)
    if ('ended' in step && step.ended) {
      if (waited) showStage({ stage: step.state, dueAt: null, stuckReason: null })
      setCurrentDetails(
        `**${input.deliveryId}**\n\n${step.state} after attempt ${step.attempts} of 6, ` +
          `last answer: ${step.answer}${step.reason === null ? '' : ` (${step.reason})`}`,
      )
      await condition(allHandlersFinished)
      return { state: step.state, reason: step.reason, attempts: step.attempts }
    }
    const isStuck = !('ended' in step)
    const wait = isStuck ? await parkDelivery({ ...input, reason: step.stuckReason }) : step.wait
    showStage({
      stage: stageOf(step),
      dueAt: wait.dueAt,
      stuckReason: isStuck ? step.stuckReason : null,
    })
    waited = true
    sending = false
    await waiter.waitUntil(wait)
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished)
      return continueAsNew<typeof deliverWebhook>(input)
    }
  }
}

function handleDecisions(
  input: contract.DeliverWebhookInput,
  waiter: Waiter,
  isSending: () => boolean,
): void {
  setHandler(
    contract.retryNow,
    async (request) => {
      const key = updateKey()
      const { open } = await decideDelivery({ ...input, verb: 'retryNow', key, note: request.note })
      waiter.wake()
      return {
        accepted: true,
        effect: open ? 'The next attempt is made now.' : 'The delivery had ended already.',
      }
    },
    {
      description:
        'Make the next attempt now instead of at its due instant; it counts like any other.',
      validator(request: contract.OperatorRequest) {
        contract.validateOperatorRequest(request)
        contract.validateStillWaiting(!isSending(), 'An attempt is on its way already')
      },
    },
  )
  setHandler(
    contract.cancel,
    async (request) => {
      const key = updateKey()
      const { open } = await decideDelivery({ ...input, verb: 'cancel', key, note: request.note })
      waiter.wake()
      return {
        accepted: true,
        effect: open ? 'The delivery ends as cancelled.' : 'The delivery had ended already.',
      }
    },
    {
      description:
        'End this delivery as cancelled. An attempt that is on its way is still recorded.',
      validator: contract.validateOperatorRequest,
    },
  )
}

/** Only what a repeat cannot mend comes here; everything else the activity repeats by itself. */
function explainStuck(error: unknown): { stuckReason: string } {
  if (!(error instanceof ActivityFailure)) throw error
  return { stuckReason: (error.cause?.message ?? error.message).slice(0, 200) }
}

function stageOf(step: DeliveryStep | { stuckReason: string }): string {
  if ('stuckReason' in step) return 'stuck'
  return !step.ended && step.heldBack ? 'held_back' : 'waiting_to_retry'
}

function showStage(shown: {
  stage: string
  dueAt: string | null
  stuckReason: string | null
}): void {
  upsertSearchAttributes([
    { key: contract.barkStage, value: shown.stage },
    { key: contract.barkDueAt, value: shown.dueAt === null ? null : new Date(shown.dueAt) },
    { key: contract.barkNeedsOperator, value: shown.stuckReason !== null },
    { key: contract.barkStuckReason, value: shown.stuckReason },
  ])
}
