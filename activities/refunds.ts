import { inTransaction, type Tx } from '../db/client.ts'
import { insertOperatorDecision, isDecided } from '../db/operator-decisions.ts'
import {
  endOperation,
  getOperation,
  getRefundOperation,
  markAsking,
  markSending,
  type OperationRow,
} from '../db/payment-operations.ts'
import { lockOrderOfPayment } from '../db/order-money.ts'
import { getPayingAccount, lockPayment, type PaymentRow } from '../db/payments.ts'
import {
  clearRefundRefresh,
  getRefund,
  updateRefund,
  type RefundKey,
  type RefundRow,
} from '../db/refunds.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { planOperation, pollAfterSeconds } from '../domain/payment.ts'
import type {
  PaymentProvider,
  ProviderAccount,
  ProviderOutcome,
  ProviderRefund,
} from './gateways/payment-provider.ts'
import { leaveBusy, leaveUndone, leaveUnknown, NEVER_ARRIVED } from './operation-outcomes.ts'
import { problemOf } from './payment-changes.ts'
import type { MoneyStep, PaymentDeps } from './payments.ts'
import { failRefund, settleRefund } from './refund-changes.ts'

const CALLS_MAX = 20
const PAUSE_MS = 60_000

type Claim = { act: 'send' | 'ask'; work: Work } | { act: 'step'; step: MoneyStep }

type Work = {
  payment: PaymentRow
  refund: RefundRow
  operation: OperationRow
  account: ProviderAccount
}

type Outcome = ProviderOutcome<ProviderRefund | null>

export function refundActivities(deps: PaymentDeps) {
  const { db } = deps.database
  return {
    /**
     * Takes a refund as far as it goes now: sends it under its stored key, or asks what became of
     * it, and records what came back. Safe to run twice and at the same time as itself, as
     * `workPayment` is.
     */
    async workRefund(input: RefundKey): Promise<MoneyStep> {
      for (let calls = 0; calls < CALLS_MAX; calls++) {
        const claim = await inTransaction(db, (tx) => claimWork(tx, input))
        if (claim.act === 'step') return claim.step
        const { mode } = await getPayingAccount(db, input.accountId)
        const outcome = await callProvider(deps.payments(mode), claim.act, claim.work)
        deps.log.info({ refund: input.refundId, outcome: outcome.kind }, `refund_${claim.act}`)
        await inTransaction(db, (tx) => record(tx, claim.act, claim.work, outcome))
      }
      throw new Error(`${input.refundId} needs more than ${CALLS_MAX} calls at once`)
    },

    /** An operator's word about a refund whose outcome is unknown. Key: the Update's id. */
    async decideRefund(
      input: RefundKey & { key: string; succeeded: boolean; evidence: string },
    ): Promise<{ decided: boolean }> {
      return inTransaction(db, async (tx) => {
        const { accountId, refundId: storyId, key, succeeded, evidence } = input
        const work = await lockWork(tx, input)
        if (await isDecided(tx, { storyId, key })) return { decided: true }
        if (work.operation.state !== 'unknown') return { decided: false }
        const verb = succeeded ? 'markSucceeded' : 'markFailed'
        await insertOperatorDecision(tx, { accountId, storyId, key, verb, note: evidence })
        const error = { code: 'decided_by_operator', decline_code: null, message: 'Not refunded.' }
        await endOperation(tx, work.operation, {
          state: succeeded ? 'succeeded' : 'errored',
          decidedBy: 'operator',
          error: succeeded ? null : error,
        })
        if (succeeded) await settleRefund(tx, work.payment, work.refund)
        else await failRefund(tx, work.payment, work.refund, error)
        return { decided: true }
      })
    },
  }
}

async function lockWork(tx: Tx, input: RefundKey): Promise<Work> {
  const owner = { accountId: input.accountId, customerId: null }
  const { payment_id } = await getRefund(tx, owner, input.refundId)
  await lockOrderOfPayment(tx, { accountId: input.accountId, paymentId: payment_id })
  const payment = await lockPayment(tx, owner, payment_id)
  const { now, reference } = await getPayingAccount(tx, input.accountId)
  return {
    payment,
    refund: await getRefund(tx, owner, input.refundId),
    operation: await getRefundOperation(tx, input.accountId, input.refundId),
    account: { accountId: input.accountId, reference, now },
  }
}

async function claimWork(tx: Tx, input: RefundKey): Promise<Claim> {
  const work = await lockWork(tx, input)
  const { refund, operation, account } = work
  const told = refund.refresh_wanted_at !== null
  if (operation.ended_at === null) return claimOperation(tx, work, told)
  const due = refund.ask_at !== null && refund.ask_at <= account.now
  if (told || due) {
    await endWait(tx, input.accountId, refund.id)
    return { act: 'ask', work }
  }
  if (refund.state === 'pending' && refund.ask_at !== null) {
    return waiting(tx, work, { until: refund.ask_at, reason: 'the refund to arrive' })
  }
  await updateRefund(tx, input, { ended_at: account.now, ask_at: null })
  await endWait(tx, input.accountId, refund.id)
  return { act: 'step', step: { ended: true, state: refund.state } }
}

async function claimOperation(tx: Tx, work: Work, told: boolean): Promise<Claim> {
  const { refund, operation, account } = work
  const plan = planOperation(operation, told, account.now)
  if (plan.act === 'wait') return waiting(tx, work, plan)
  await endWait(tx, account.accountId, refund.id)
  if (plan.act === 'send') await markSending(tx, operation, account.now)
  else await markAsking(tx, operation)
  const claimed = await getOperation(tx, account.accountId, operation.id)
  return { act: plan.act, work: { ...work, operation: claimed } }
}

async function waiting(
  tx: Tx,
  { refund, operation, account }: Work,
  plan: { until: Date; reason: string; stuckReason?: string | null },
): Promise<Claim> {
  const wait = await registerWait(tx, {
    accountId: account.accountId,
    storyId: refund.id,
    workflow: 'refundPayment',
    subject: { refund_id: refund.id, run: refund.run },
    dueAt: plan.until,
    reason: plan.reason,
  })
  const stuckReason = plan.stuckReason ?? null
  const unknown = operation.state === 'unknown'
  return { act: 'step', step: { ended: false, state: refund.state, wait, stuckReason, unknown } }
}

async function callProvider(
  provider: PaymentProvider,
  act: 'send' | 'ask',
  { payment, refund, operation, account }: Work,
): Promise<Outcome> {
  const providerId = payment.provider_id
  if (providerId === null) {
    const message = 'The provider has no payment that could be refunded.'
    return { kind: 'refused', problem: { code: 'never_made', declineCode: null, message } }
  }
  if (act === 'ask') {
    const by = { paymentProviderId: providerId, refundId: refund.id }
    return provider.findRefund(account, by)
  }
  return provider.refund(account, operation.idempotency_key, {
    refundId: refund.id,
    providerId,
    amountMinor: refund.amount_minor,
  })
}

async function record(tx: Tx, act: 'send' | 'ask', asked: Work, outcome: Outcome): Promise<void> {
  const key = { accountId: asked.account.accountId, refundId: asked.refund.id }
  const work = { ...(await lockWork(tx, key)), account: asked.account }
  const seen = asked.refund.refresh_wanted_at
  if (act === 'ask' && outcome.kind === 'answered' && seen !== null) {
    await clearRefundRefresh(tx, key, seen)
  }
  switch (outcome.kind) {
    case 'answered':
      if (outcome.value === null) await recordMissing(tx, work)
      else await recordRefund(tx, work, outcome.value)
      return
    case 'declined':
    case 'refused': {
      if (act === 'ask') return recordSilence(tx, work, seen)
      const error = problemOf(outcome.problem)
      const ended = await endOperation(tx, work.operation, { state: 'errored', error })
      if (ended) await failRefund(tx, work.payment, work.refund, error)
      return
    }
    case 'busy': {
      if (work.operation.ended_at !== null) return recordSilence(tx, work, seen)
      return leaveBusy(tx, work.operation, work.account.now)
    }
    case 'unknown':
      return recordSilence(tx, work, seen)
  }
}

/** What the provider says of a refund that it has. */
async function recordRefund(
  tx: Tx,
  { payment, refund, operation, account }: Work,
  said: ProviderRefund,
): Promise<void> {
  const key = { accountId: account.accountId, refundId: refund.id }
  if (operation.ended_at === null) await endOperation(tx, operation, { state: 'succeeded' })
  if (said.state === 'succeeded') {
    await settleRefund(tx, payment, refund, said.providerId)
  } else if (said.state === 'failed') {
    await failRefund(tx, payment, refund, problemOf(said.problem), said.providerId)
  } else {
    const asks = refund.ask_count + 1
    const createdMs = refund.created_at.getTime()
    const nextMs = Math.max(
      createdMs + pollAfterSeconds(asks) * 1000,
      account.now.getTime() + PAUSE_MS,
    )
    await updateRefund(tx, key, {
      ...(refund.state === 'unknown' ? { state: 'pending' as const } : {}),
      provider_id: said.providerId,
      ask_count: asks,
      ask_at: new Date(nextMs),
    })
  }
}

/** The provider has never heard of it: its key is sent again, or it is too late for that. */
async function recordMissing(tx: Tx, { payment, refund, operation, account }: Work): Promise<void> {
  if (operation.ended_at !== null) return
  const ended = await leaveUndone(tx, operation, account.now)
  if (ended) await failRefund(tx, payment, refund, NEVER_ARRIVED)
}

async function recordSilence(tx: Tx, work: Work, seen: Date | null): Promise<void> {
  const { refund, operation, account } = work
  const key = { accountId: account.accountId, refundId: refund.id }
  const soon = new Date(account.now.getTime() + PAUSE_MS)
  if (operation.ended_at !== null) {
    if (seen !== null) await clearRefundRefresh(tx, key, seen)
    await updateRefund(tx, key, { ask_at: soon })
    return
  }
  await leaveUnknown(tx, operation, account.now)
  if (refund.state === 'pending') await updateRefund(tx, key, { state: 'unknown' })
}
