/**
 * The life of a dispute: a payer's bank took money back and decides by evidence. `dispute_moves` in
 * SQL says the same; a test compares.
 */
export const DISPUTE_MOVES = {
  needs_response: ['under_review', 'won', 'lost'],
  under_review: ['won', 'lost'],
  won: [],
  lost: [],
} as const

export type DisputeState = keyof typeof DISPUTE_MOVES
export const DISPUTE_STATES = [
  'needs_response',
  'under_review',
  'won',
  'lost',
] as const satisfies readonly DisputeState[]

/** Whether a dispute may go from one state to another; staying is not a move. */
export function canDisputeMove(from: DisputeState, to: DisputeState): boolean {
  const allowed: readonly DisputeState[] = DISPUTE_MOVES[from]
  return allowed.includes(to)
}

/** What a bank wants to see, in the words of the published reference. */
export const EVIDENCE_KINDS = [
  'transaction_details',
  'shipping_proof',
  'communication_logs',
] as const
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number]
export type EvidenceTexts = Partial<Record<EvidenceKind, string>>

/** Of one text. Three of them and their titles fit into what Stripe takes as one: 20,000. */
export const EVIDENCE_CHARACTERS_MAX = 6_000
/** Of all papers of an answer together. */
export const EVIDENCE_BYTES_MAX = 5 * 1024 * 1024
export const EVIDENCE_MEDIA = ['application/pdf', 'image/jpeg', 'image/png'] as const

/** A reminder is sent so many hours before no evidence is taken any more. */
export const REMINDER_HOURS: readonly number[] = [72, 24]

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400

/** A provider that tells nothing is asked this often; its events come long before. */
const ASK_SECONDS = 3 * DAY_SECONDS
/** After the deadline, and after a question that was not answered. */
const ASK_SOON_SECONDS = MINUTE_SECONDS

export type WaitingDispute = {
  state: DisputeState
  evidenceDueAt: Date
  remindersSent: number
  askAt: Date
}

export type DisputePlan =
  | { act: 'ask' }
  /** `remindersSent`: how many are sent then; those that are overdue are told as one. */
  | { act: 'remind'; remindersSent: number }
  | { act: 'wait'; until: Date; reason: string; stuckReason: string | null }

/** What to do now about a dispute that nobody is answering at the moment. Business time. */
export function planDispute(dispute: WaitingDispute, now: Date): DisputePlan {
  const { state, evidenceDueAt, remindersSent, askAt } = dispute
  if (askAt <= now) return { act: 'ask' }
  if (state !== 'needs_response') {
    return { act: 'wait', until: askAt, reason: "the bank's decision", stuckReason: null }
  }
  const reminders = REMINDER_HOURS.map((hours) =>
    secondsBefore(evidenceDueAt, hours * HOUR_SECONDS),
  )
  const due = reminders.filter((at) => at <= now).length
  if (due > remindersSent && now < evidenceDueAt) return { act: 'remind', remindersSent: due }
  const until = [askAt, evidenceDueAt, ...reminders].filter((at) => at > now).reduce(earlierOf)
  return {
    act: 'wait',
    until,
    reason: `evidence, due ${evidenceDueAt.toISOString()}`,
    stuckReason: due > 0 ? 'the evidence of a dispute is due soon' : null,
  }
}

/** When to ask again after an answer. */
export function nextDisputeQuestion(evidenceDueAt: Date, now: Date): Date {
  const afterDeadline = secondsBefore(evidenceDueAt, -ASK_SOON_SECONDS)
  const regularly = secondsBefore(now, -ASK_SECONDS)
  return afterDeadline > now ? earlierOf(regularly, afterDeadline) : regularly
}

/** When to ask again after silence. */
export function repeatedDisputeQuestion(now: Date): Date {
  return secondsBefore(now, -ASK_SOON_SECONDS)
}

function secondsBefore(at: Date, seconds: number): Date {
  return new Date(at.getTime() - seconds * 1_000)
}

function earlierOf(a: Date, b: Date): Date {
  return a < b ? a : b
}
