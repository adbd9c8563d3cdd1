/**
 * The life of a payment, of the operations on it, and of refunds: what may follow what, and when to
 * ask about what is not known. `payment_moves` in SQL says the same of payments; a test compares.
 */
export const PAYMENT_MOVES = {
  requires_payment_method: [
    'requires_action',
    'processing',
    'requires_capture',
    'succeeded',
    'failed',
    'cancelled',
  ],
  requires_action: ['processing', 'requires_capture', 'succeeded', 'failed', 'cancelled'],
  processing: [
    'requires_payment_method',
    'requires_action',
    'requires_capture',
    'succeeded',
    'failed',
    'cancelled',
  ],
  requires_capture: ['succeeded', 'cancelled'],
  failed: ['requires_action', 'processing', 'requires_capture', 'succeeded', 'cancelled'],
  succeeded: [],
  cancelled: [],
} as const

export type PaymentState = keyof typeof PAYMENT_MOVES
export const PAYMENT_STATES = [
  'requires_payment_method',
  'requires_action',
  'processing',
  'requires_capture',
  'succeeded',
  'cancelled',
  'failed',
] as const satisfies readonly PaymentState[]

/** Whether a payment may go from one state to another; staying is not a move. */
export function canPaymentMove(from: PaymentState, to: PaymentState): boolean {
  const allowed: readonly PaymentState[] = PAYMENT_MOVES[from]
  return allowed.includes(to)
}

export const REFUND_STATES = ['pending', 'succeeded', 'failed', 'unknown'] as const
export type RefundState = (typeof REFUND_STATES)[number]

export type OperationKind = 'authorize' | 'capture' | 'cancel' | 'refund' | 'respond' | 'accept'
export type OperationState =
  'created' | 'submitted' | 'succeeded' | 'declined' | 'errored' | 'unknown'

/** In which states of a payment an operation may be asked for. */
export const OPERATION_ALLOWED: Readonly<
  Record<'authorize' | 'capture' | 'cancel' | 'refund', readonly PaymentState[]>
> = {
  authorize: ['requires_payment_method', 'requires_action', 'failed'],
  capture: ['requires_capture'],
  cancel: ['requires_payment_method', 'requires_action', 'requires_capture', 'failed'],
  refund: ['succeeded'],
}

const MINUTE = 60
const HOUR = 3_600
const DAY = 86_400

/** After an unanswered call the same key is sent again so many seconds after the first call. */
export const RESEND_SECONDS: readonly number[] = [5, 30]
/** Then the provider is asked what became of it, so many seconds after the first call; then daily. */
export const ASK_SECONDS: readonly number[] = [5 * MINUTE, HOUR, 6 * HOUR, DAY]
/** Providers forget a key after a day: after this it is never sent again. */
export const RESEND_SECONDS_MAX = 23 * HOUR

export type UnknownPlan = { act: 'send' | 'ask'; afterSeconds: number; needsOperator: boolean }

/**
 * What to do next about an operation whose outcome is unknown, counted from its first call. After a
 * day an operator is called, while asking goes on once a day.
 */
export function planUnknown({ tries, asks }: { tries: number; asks: number }): UnknownPlan {
  const resend = RESEND_SECONDS[tries - 1]
  if (asks === 0 && resend !== undefined) {
    return { act: 'send', afterSeconds: resend, needsOperator: false }
  }
  const last = ASK_SECONDS.length - 1
  const afterSeconds = ASK_SECONDS[asks] ?? (ASK_SECONDS[last] ?? DAY) + (asks - last) * DAY
  return { act: 'ask', afterSeconds, needsOperator: asks > last }
}

/** What is known of an operation that has no outcome yet. Instants are business time. */
export type OpenOperation = {
  kind: OperationKind
  state: OperationState
  tries: number
  asks: number
  submitted_at: Date | null
  next_at: Date | null
}

export type OperationPlan =
  { act: 'send' | 'ask' } | { act: 'wait'; until: Date; reason: string; stuckReason: string | null }

/**
 * What to do now about an operation without an outcome. `told`: the provider let us know that
 * something happened, so it is asked at once. A key is never sent again after 23 hours.
 */
export function planOperation(operation: OpenOperation, told: boolean, now: Date): OperationPlan {
  const { kind, state, next_at: nextAt } = operation
  const unknown = state === 'unknown'
  const plan = planUnknown(operation)
  const waits = nextAt !== null && nextAt > now
  if (waits && !told) {
    const reason = `${kind}: ${unknown ? 'its outcome is unknown' : 'the provider was busy'}`
    const stuck = unknown && plan.needsOperator
    const stuckReason = stuck ? `the outcome of ${kind} is unknown for more than a day` : null
    return { act: 'wait', until: nextAt, reason, stuckReason }
  }
  const firstMs = (operation.submitted_at ?? now).getTime()
  const sends = !unknown || (plan.act === 'send' && !waits)
  return { act: sends && mayResend((now.getTime() - firstMs) / 1000) ? 'send' : 'ask' }
}

/** Whether a key that certainly took no effect may still be sent again. */
export function mayResend(secondsSinceFirst: number): boolean {
  return secondsSinceFirst < RESEND_SECONDS_MAX
}

/** When to ask about a payment that waits for others, so many seconds after it came to its state. */
export const POLL_SECONDS: readonly number[] = [MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, DAY]

/** Seconds after which the nth question (from 0) is due; daily in the end. */
export function pollAfterSeconds(asks: number): number {
  const last = POLL_SECONDS.length - 1
  return POLL_SECONDS[asks] ?? (POLL_SECONDS[last] ?? DAY) + (asks - last) * DAY
}

/** A payer has a day to pass the page. */
export const ACTION_SECONDS_MAX = DAY
