import type { Tx } from '../db/client.ts'
import {
  countEndedAuthorizations,
  endOperation,
  findOpenOperation,
  getOperation,
  type OperationEnd,
  type OperationRow,
} from '../db/payment-operations.ts'
import { clearRefresh, updatePayment, type PaymentRow } from '../db/payments.ts'
import type { ProviderOutcome, ProviderPayment } from './gateways/payment-provider.ts'
import { leaveBusy, leaveUndone, leaveUnknown, NEVER_ARRIVED } from './operation-outcomes.ts'
import {
  applyProviderPayment,
  emitPaymentEvent,
  failPayment,
  problemOf,
} from './payment-changes.ts'
import { postPayment } from './payment-postings.ts'

/** What became of a call, written under the payment's lock: the first outcome stays. */

type Outcome = ProviderOutcome<ProviderPayment | null>

/** The answer to a call that sent the operation's key. */
export async function recordSent(
  tx: Tx,
  payment: PaymentRow,
  sent: OperationRow,
  outcome: Outcome,
  now: Date,
): Promise<void> {
  const operation = await getOperation(tx, sent.account_id, sent.id)
  switch (outcome.kind) {
    case 'answered':
      if (outcome.value === null) throw new Error('A provider answered nothing to a payment')
      await applyProviderPayment(tx, payment, outcome.value, now)
      await endOperation(tx, operation, judgeAnswer(operation, outcome.value))
      return
    case 'declined':
    case 'refused': {
      const error = problemOf(outcome.problem)
      const state = outcome.kind === 'declined' ? 'declined' : 'errored'
      const ended = await endOperation(tx, operation, { state, error })
      if (!ended) return
      const said = outcome.kind === 'declined' ? outcome.value : null
      if (said !== null) {
        await applyProviderPayment(tx, payment, said, now)
      } else if (operation.kind === 'authorize') {
        await failPayment(tx, payment, error ?? NEVER_ARRIVED, now)
      } else {
        await settleRefused(tx, payment, operation, now)
      }
      return
    }
    case 'busy':
      await leaveBusy(tx, operation, now)
      return
    case 'unknown':
      await leaveUnknown(tx, operation, now)
  }
}

/** What the provider says how things stand, for a plain look or about an unknown operation. */
export async function recordAsked(
  tx: Tx,
  payment: PaymentRow,
  asked: { operation: OperationRow | null; seen: Date | null },
  outcome: Outcome,
  now: Date,
): Promise<void> {
  const key = { accountId: payment.account_id, paymentId: payment.id }
  const operation =
    asked.operation === null
      ? null
      : await getOperation(tx, asked.operation.account_id, asked.operation.id)
  if (outcome.kind !== 'answered') {
    if (operation !== null) await leaveUnknown(tx, operation, now)
    // Silence leaves the wish to look; a plain look is repeated when its next turn comes.
    else if (asked.seen !== null) await postponeLook(tx, payment, asked.seen, now)
    return
  }
  if (asked.seen !== null) await clearRefresh(tx, key, asked.seen)
  // Asked before an operation began: what it says is older than that.
  if (operation === null && (await findOpenOperation(tx, key)) !== null) return
  const said = outcome.value
  const changed = said === null ? payment : await applyProviderPayment(tx, payment, said, now)
  if (operation === null || operation.ended_at !== null) return
  const verdict = await judgeAsked(tx, operation, said)
  if (verdict !== 'not_done') {
    await endOperation(tx, operation, verdict)
    return
  }
  const ended = await leaveUndone(tx, operation, now)
  if (ended && operation.kind === 'authorize') await failPayment(tx, changed, NEVER_ARRIVED, now)
}

/** An operator's word is the outcome; it is told like any other. */
export async function decideOperation(
  tx: Tx,
  payment: PaymentRow,
  operation: OperationRow,
  succeeded: boolean,
): Promise<void> {
  const decidedBy = 'operator' as const
  const error = { code: 'decided_by_operator', decline_code: null, message: 'It did not happen.' }
  await endOperation(
    tx,
    operation,
    succeeded ? { state: 'succeeded', decidedBy } : { state: 'errored', decidedBy, error },
  )
  const key = { accountId: payment.account_id, paymentId: payment.id }
  const amount = operation.amount_minor ?? payment.amount_minor
  if (!succeeded) {
    if (operation.kind === 'authorize') await failPayment(tx, payment, error, payment.state_since)
    return
  }
  if (operation.kind === 'cancel') {
    const released = await updatePayment(tx, key, { state: 'cancelled', ask_at: null })
    await postPayment(tx, payment, released)
    return
  }
  const holds = operation.kind === 'authorize' && payment.capture_method === 'manual'
  const changed = await updatePayment(tx, key, {
    state: holds ? 'requires_capture' : 'succeeded',
    authorized_minor: amount > payment.authorized_minor ? amount : payment.authorized_minor,
    ...(holds ? {} : { captured_minor: amount }),
    ask_at: null,
  })
  await postPayment(tx, payment, changed)
  if (!holds) await emitPaymentEvent(tx, changed, 'payment.succeeded')
}

/** The provider was told to look but is silent: the look is made again a minute later. */
async function postponeLook(tx: Tx, payment: PaymentRow, seen: Date, now: Date): Promise<void> {
  const key = { accountId: payment.account_id, paymentId: payment.id }
  await clearRefresh(tx, key, seen)
  const soon = new Date(now.getTime() + 60_000)
  const askAt = payment.ask_at === null || payment.ask_at > soon ? soon : payment.ask_at
  await updatePayment(tx, key, { ask_at: askAt })
}

/** A capture or cancellation that was refused: how the payment stands is asked. */
async function settleRefused(
  tx: Tx,
  payment: PaymentRow,
  operation: OperationRow,
  now: Date,
): Promise<void> {
  const key = { accountId: payment.account_id, paymentId: payment.id }
  if (payment.provider_id === null && operation.kind === 'cancel') {
    await updatePayment(tx, key, { state: 'cancelled', state_since: now, ask_at: null })
    return
  }
  const { error } = await getOperation(tx, operation.account_id, operation.id)
  await updatePayment(tx, key, { ask_at: now, last_error: error })
}

/** Of a call that was carried out. A captured amount that is not the asked one is an error in it. */
function judgeAnswer(operation: OperationRow, said: ProviderPayment): OperationEnd {
  if (operation.kind === 'authorize' && said.state === 'requires_payment_method') {
    return { state: 'declined', error: problemOf(said.problem) }
  }
  const asked = operation.amount_minor
  if (said.state === 'succeeded' && asked !== null && said.capturedMinor !== asked) {
    const message = `${said.capturedMinor} was captured instead of ${asked}.`
    return {
      state: 'succeeded',
      error: { code: 'amount_mismatch', decline_code: null, message },
    }
  }
  return { state: 'succeeded' }
}

/** Of a question: what the payment's state at the provider says about the operation. */
async function judgeAsked(
  tx: Tx,
  operation: OperationRow,
  said: ProviderPayment | null,
): Promise<OperationEnd | 'not_done'> {
  if (said === null) return 'not_done'
  const refused = { state: 'errored' as const, error: problemOf(said.problem) }
  switch (operation.kind) {
    case 'capture':
      if (said.state === 'succeeded') return judgeAnswer(operation, said)
      return said.state === 'cancelled' ? refused : 'not_done'
    case 'cancel':
      if (said.state === 'cancelled') return { state: 'succeeded' }
      return said.state === 'succeeded' ? refused : 'not_done'
    case 'authorize': {
      if (said.state !== 'requires_payment_method') return judgeAnswer(operation, said)
      if (said.problem === null) return 'not_done'
      // A decline that is there may be that of an earlier method.
      const key = { accountId: operation.account_id, paymentId: operation.payment_id }
      const isFirst = (await countEndedAuthorizations(tx, key)) === 0
      return isFirst ? { state: 'declined', error: problemOf(said.problem) } : 'not_done'
    }
    case 'refund':
    case 'respond':
    case 'accept':
      throw new Error(`${operation.kind} is no operation of a payment itself`)
  }
}
