import { setTimeout as sleep } from 'node:timers/promises'
import {
  claimAttempt,
  recordAttempt,
  type Claim,
  type ClaimedAttempt,
  type DeliveryKey,
  type DeliveryProgress,
  type RecordedAttempt,
} from '../db/attempts.ts'
import { inTransaction, type Db, type Tx } from '../db/client.ts'
import { cancelDelivery, hastenDelivery, registerDeliveryWait } from '../db/deliveries.ts'
import { emitEvent } from '../db/events.ts'
import { insertOperatorDecision } from '../db/operator-decisions.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { disableWebhook, nextWebhookSequence } from '../db/webhooks.ts'
import type { RegisteredWait } from '../domain/story.ts'
import {
  isBeyondHope,
  judgeAttempt,
  WEBHOOK_ATTEMPTS_MAX,
  type AttemptVerdict,
} from '../domain/webhook-schedule.ts'
import type { Log } from '../log.ts'
import { renderWebhook } from '../wire/webhook.ts'
import type { WebhookAnswer, WebhookRequest } from './gateways/webhook-dialer.ts'
import type { ActivityDeps } from './deps.ts'
import { SLACK_MS_MAX, waitForPlace } from './webhook-place.ts'
import { redactHeaders, signedRequest } from './webhook-request.ts'

/** What the workflow does next. `attempts` are the numbers used, `answer` is the last one's. */
export type DeliveryStep = { attempts: number; answer: string } & (
  | { ended: true; state: 'delivered' | 'failed' | 'cancelled'; reason: string | null }
  | { ended: false; heldBack: boolean; wait: RegisteredWait }
)

/**
 * A recorded outcome is never sent again, so recording is tried for as long as the activity's
 * time-out leaves: a short outage of the database costs the receiver no second request.
 */
const RECORD_PAUSES_MS = [250, 500, 1_000, 2_000, 4_000]

/** With the longest wait for a place, an exchange and the recording it stays below the time-out. */
const PLACES_MS_MAX = 5_000

export function webhookActivities(deps: ActivityDeps) {
  const { db } = deps.database
  return {
    /**
     * One step of a delivery: claims the next attempt when it is due, sends it, records what came
     * back, and says what to wait for. Safe to run twice: SQL gives out each of the six numbers
     * once, a number without an outcome is sent again under itself, and the first outcome stays. The
     * receiver sees the same event id each time. A failed attempt is a result, not an exception.
     */
    async attemptDelivery(input: DeliveryKey): Promise<DeliveryStep> {
      const claim = await claimInTime(deps, input)
      if ('ended' in claim) return claim
      const { number, request } = claim
      const answer = await deps.webhooks.post(request)
      if (answer.error !== null) {
        deps.log.info(
          { delivery: input.deliveryId, attempt: number, error: answer.cause },
          `webhook attempt failed: ${answer.error}`,
        )
      }
      return record(deps.log, () =>
        inTransaction(db, (tx) => recordOutcome(tx, input, number, request, answer)),
      )
    },

    /**
     * An operator's `retryNow` or `cancel`. Key: the Update's id. Answers whether the delivery was
     * still open.
     */
    async decideDelivery(
      input: DeliveryKey & { verb: 'retryNow' | 'cancel'; key: string; note?: string },
    ): Promise<{ open: boolean }> {
      return inTransaction(db, async (tx) => {
        const { accountId, deliveryId: storyId } = input
        await insertOperatorDecision(tx, { ...input, accountId, storyId })
        const change = input.verb === 'cancel' ? cancelDelivery : hastenDelivery
        const open = await change(tx, input)
        await endWait(tx, accountId, storyId)
        return { open }
      })
    },

    /** Leaves a delivery that cannot be sent to a person. Safe to run twice: the wait is replaced. */
    async parkDelivery(input: DeliveryKey & { reason: string }): Promise<RegisteredWait> {
      return inTransaction(db, (tx) =>
        registerWait(tx, {
          accountId: input.accountId,
          storyId: input.deliveryId,
          workflow: 'deliverWebhook',
          subject: { delivery_id: input.deliveryId },
          dueAt: null,
          needsPerson: true,
          reason: input.reason,
        }),
      )
    },
  }
}

/**
 * A claimed attempt whose request may leave now. Who is late for its place, because something stood
 * still, takes another one that has room for being as late again; who is late again and again leaves it
 * to the next try of the activity.
 */
async function claimInTime(
  deps: ActivityDeps,
  key: DeliveryKey,
): Promise<DeliveryStep | { number: number; request: WebhookRequest }> {
  const startedAt = performance.now()
  for (let slackMs = 0; ;) {
    const claim = await claimOrWait(deps.database.db, key, slackMs)
    if ('ended' in claim) return claim
    const request = await signedRequest(deps.keys, key, claim)
    const lateMs = claim.place === null ? 0 : await waitForPlace(claim.place, slackMs)
    if (lateMs === 0) return { number: claim.number, request }
    if (performance.now() - startedAt > PLACES_MS_MAX) {
      throw new Error(
        'Too late for every place at the endpoint: the machine stands still too often',
      )
    }
    slackMs = Math.min(slackMs + 2 * lateMs, SLACK_MS_MAX)
  }
}

async function claimOrWait(
  db: Db,
  key: DeliveryKey,
  slackMs: number,
): Promise<DeliveryStep | (ClaimedAttempt & DeliveryProgress)> {
  const claim = await claimAttempt(db, key, slackMs)
  switch (claim.outcome) {
    case 'send':
      return claim
    case 'ended':
      return endedStep(claim)
    case 'waiting':
      return inTransaction(db, (tx) => waitingStep(tx, key, claim))
  }
}

async function recordOutcome(
  tx: Tx,
  key: DeliveryKey,
  number: number,
  { headers }: WebhookRequest,
  answer: WebhookAnswer,
): Promise<DeliveryStep> {
  const verdict = judgeAttempt(number, {
    statusCode: answer.statusCode,
    complete: answer.error === null,
  })
  const outcome = {
    delivered: verdict.end === 'delivered',
    durationMs: answer.durationMs,
    requestHeaders: redactHeaders(headers),
    statusCode: answer.statusCode,
    responseHeaders: answer.headers,
    responseBody: answer.body,
    error: answer.error,
    retryAfter: answer.headers?.['retry-after'] ?? null,
  }
  const recorded = await recordAttempt(tx, key, number, outcome, verdict)
  await disableEndpoint(tx, key.accountId, recorded, verdict)
  return recorded.state === 'pending'
    ? waitingStep(tx, key, { ...recorded, why: 'schedule', next: number + 1 })
    : endedStep(recorded)
}

/** Switches an endpoint off that asked for it by 410, or that has long only failed. */
async function disableEndpoint(
  tx: Tx,
  accountId: string,
  recorded: RecordedAttempt,
  verdict: AttemptVerdict,
): Promise<void> {
  const { endpoint, webhook_id: webhookId } = recorded
  const isHopeless = isBeyondHope({
    exhaustedCount: endpoint.exhausted_count,
    failingSeconds: endpoint.failing_seconds,
  })
  const isGone = verdict.reason === 'endpoint_gone'
  if (!endpoint.active || !(isGone || (isHopeless && recorded.state === 'failed'))) return
  const key = { accountId, webhookId }
  const row = await disableWebhook(tx, {
    ...key,
    reason: isGone ? 'endpoint_gone' : 'only_failures',
  })
  if (row === null) return
  await emitEvent(tx, {
    accountId,
    type: 'webhook.disabled',
    objectId: webhookId,
    sequence: await nextWebhookSequence(tx, key),
    customerId: null,
    facts: { object: renderWebhook(row) },
  })
}

async function waitingStep(
  tx: Tx,
  key: DeliveryKey,
  progress: DeliveryProgress & Omit<Extract<Claim, { outcome: 'waiting' }>, 'outcome'>,
): Promise<DeliveryStep> {
  const { attempts, next } = progress
  const answer = describeAnswer(progress)
  const heldBack = progress.why === 'endpoint_limit'
  const limit = heldBack ? ', held back by the limits of its endpoint' : ''
  const wait = await registerDeliveryWait(tx, key, {
    dueAt: new Date(progress.due_at),
    reason: `attempt ${next} of ${WEBHOOK_ATTEMPTS_MAX}${limit}; last answer: ${answer}`,
  })
  return { ended: false, attempts, answer, heldBack, wait }
}

function endedStep(progress: DeliveryProgress): DeliveryStep {
  const { state, reason, attempts } = progress
  if (state === 'pending') throw new Error('A pending delivery has not ended')
  return { ended: true, state, reason, attempts, answer: describeAnswer(progress) }
}

function describeAnswer({ last_status: status, last_error: error }: DeliveryProgress): string {
  if (status === null) return error ?? 'none yet'
  return error === null ? `HTTP ${status}` : `HTTP ${status}, ${error}`
}

async function record(log: Log, write: () => Promise<DeliveryStep>): Promise<DeliveryStep> {
  for (const pauseMs of RECORD_PAUSES_MS) {
    try {
      return await write()
    } catch (error) {
      log.warn({ error }, 'webhook attempt not recorded yet; trying again')
      await sleep(pauseMs)
    }
  }
  return write()
}
