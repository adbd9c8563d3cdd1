import type { Tx } from '../db/client.ts'
import { emitEvent } from '../db/events.ts'
import {
  updatePayment,
  type PaymentChange,
  type PaymentProblem,
  type PaymentRow,
} from '../db/payments.ts'
import type { EventType } from '../domain/event-type.ts'
import {
  ACTION_SECONDS_MAX,
  canPaymentMove,
  pollAfterSeconds,
  type PaymentState,
} from '../domain/payment.ts'
import { renderPayment } from '../wire/payment.ts'
import { postPayment } from './payment-postings.ts'
import type { ProviderPayment, ProviderProblem } from './gateways/payment-provider.ts'

const QUESTION_PAUSE_MS = 60_000 // between two questions that have the same answer

/**
 * Makes a payment what the provider says it is, as far as its states allow, and tells of what
 * changed. The caller holds the payment's lock. Safe to repeat: the same word twice changes nothing.
 */
export async function applyProviderPayment(
  tx: Tx,
  row: PaymentRow,
  said: ProviderPayment,
  now: Date,
): Promise<PaymentRow> {
  const wanted = stateOf(said)
  const moves = wanted !== row.state && canPaymentMove(row.state, wanted)
  const state = moves ? wanted : row.state
  const believed = wanted === state
  const captured = state === 'succeeded' && believed ? said.capturedMinor : row.captured_minor
  const held = state === 'requires_capture' && believed ? said.capturableMinor : 0n
  const changed = await updatePayment(tx, keyOf(row), {
    provider_id: said.providerId,
    ...(moves ? { state, state_since: now, ask_count: 0 } : {}),
    ...(believed
      ? {
          authorized_minor: max(row.authorized_minor, captured, held),
          captured_minor: captured,
          fee_minor: said.feeMinor ?? row.fee_minor,
          last_error: state === 'failed' ? problemOf(said.problem) : null,
          action_url: said.actionUrl,
          capture_before: said.captureBefore,
          ...(said.card === null ? {} : { card: said.card }),
        }
      : {}),
    ask_at: nextQuestion(moves ? { state, state_since: now, ask_count: 0 } : row, said, now),
  })
  await postPayment(tx, row, changed)
  return moves ? tellOf(tx, changed, state) : changed
}

/** Ends an authorization that failed without the provider having made a payment of it. */
export async function failPayment(
  tx: Tx,
  row: PaymentRow,
  problem: PaymentProblem,
  now: Date,
): Promise<PaymentRow> {
  if (!canPaymentMove(row.state, 'failed')) {
    return updatePayment(tx, keyOf(row), { last_error: problem })
  }
  const change: PaymentChange = { state: 'failed', state_since: now, last_error: problem }
  const changed = await updatePayment(tx, keyOf(row), { ...change, ask_at: null, action_url: null })
  return tellOf(tx, changed, 'failed')
}

/** Writes an event about a payment with the next number of its own. */
export async function emitPaymentEvent(
  tx: Tx,
  row: PaymentRow,
  type: EventType,
): Promise<PaymentRow> {
  const sequence = row.event_sequence + 1
  const counted = await updatePayment(tx, keyOf(row), { event_sequence: sequence })
  await emitEvent(tx, {
    accountId: row.account_id,
    type,
    objectId: row.id,
    sequence,
    customerId: row.customer_id,
    facts: { object: renderPayment(counted) },
  })
  return counted
}

export function problemOf(problem: ProviderProblem | null): PaymentProblem | null {
  if (problem === null) return null
  return { code: problem.code, decline_code: problem.declineCode, message: problem.message }
}

async function tellOf(tx: Tx, row: PaymentRow, state: PaymentState): Promise<PaymentRow> {
  if (state === 'succeeded') return emitPaymentEvent(tx, row, 'payment.succeeded')
  return state === 'failed' ? emitPaymentEvent(tx, row, 'payment.failed') : row
}

/** A method that was tried and refused is a failure; one that is missing is not. */
function stateOf(said: ProviderPayment): PaymentState {
  return said.state === 'requires_payment_method' && said.problem !== null ? 'failed' : said.state
}

/** When to ask by ourselves about a payment that waits for the payer, the bank or a capture. */
function nextQuestion(
  row: Pick<PaymentRow, 'state' | 'state_since' | 'ask_count'>,
  said: ProviderPayment,
  now: Date,
): Date | null {
  const soonMs = now.getTime() + QUESTION_PAUSE_MS
  const after = (seconds: number) =>
    new Date(Math.max(soonMs, row.state_since.getTime() + seconds * 1000))
  switch (row.state) {
    case 'processing':
    case 'requires_action':
      return after(pollAfterSeconds(row.ask_count))
    case 'requires_capture':
      return said.captureBefore !== null && said.captureBefore.getTime() > soonMs
        ? said.captureBefore
        : after(7 * ACTION_SECONDS_MAX)
    case 'requires_payment_method':
    case 'succeeded':
    case 'cancelled':
    case 'failed':
      return null
  }
}

function keyOf(row: PaymentRow) {
  return { accountId: row.account_id, paymentId: row.id }
}

function max(...amounts: bigint[]): bigint {
  return amounts.reduce((left, right) => (left > right ? left : right), 0n)
}
