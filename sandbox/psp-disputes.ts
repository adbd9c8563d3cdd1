import { behaviourOf, type Desk } from './psp-desk.ts'
import { PspFailure } from './psp-failure.ts'
import { amountOf, groupOf, requireText, textOf, textsOf, type Params } from './psp-form.ts'
import { book } from './psp-ledger.ts'
import { printDispute, secondsOf, type Charge, type Dispute } from './psp-objects.ts'
import type { DisputeJob } from './psp-store.ts'

const DISPUTE_FEE = 1_500
const EVIDENCE_SECONDS = 9 * 86_400
const REVIEW_SECONDS = 7 * 86_400

export function runDisputeJob(desk: Desk, action: DisputeJob, id: string): void {
  if (action === 'dispute') {
    const charge = desk.get('charge', id)
    const amount = charge.amount_captured - charge.amount_refunded
    if (!charge.disputed && amount > 0) openDispute(desk, charge, amount)
    return
  }
  const dispute = desk.get('dispute', id)
  const ends = action === 'dispute_due' ? 'needs_response' : 'under_review'
  if (dispute.status === ends) decide(desk, dispute, 'lost')
}

/**
 * `POST /sandbox/disputes`: the payer disputes a payment now, once, all that was not refunded or, by
 * `amount`, a part of it.
 */
export function disputePayment(desk: Desk, params: Params): object {
  const intent = desk.get('payment_intent', requireText(params, 'payment_intent'))
  const charge = desk.find('charge', intent.latest_charge ?? '')
  const left = charge === undefined ? 0 : charge.amount_captured - charge.amount_refunded
  const amount = amountOf(params, 'amount') ?? left
  if (charge === undefined || charge.disputed || amount > left || left === 0) {
    throw PspFailure.invalid(`Of ${intent.id} ${left} can be disputed, once.`, 'amount')
  }
  return readDispute(desk, openDispute(desk, charge, amount))
}

/** The payer's bank takes the money back until it has decided. */
function openDispute(desk: Desk, charge: Charge, amount: number): Dispute {
  const id = desk.newId('dp')
  const entry = book(desk, {
    type: 'adjustment',
    reporting_category: 'dispute',
    amount: -amount,
    fee: DISPUTE_FEE,
    currency: charge.currency,
    source: id,
  })
  const method = desk.find('payment_method', charge.payment_method)
  const dispute: Dispute = {
    id,
    account: desk.account,
    created: secondsOf(desk.nowMs),
    amount,
    currency: charge.currency,
    charge: charge.id,
    payment_intent: charge.payment_intent,
    reason: behaviourOf(method).dispute ?? 'general',
    status: 'needs_response',
    evidence: {},
    due_by: secondsOf(desk.nowMs) + EVIDENCE_SECONDS,
    submission_count: 0,
    balance_transactions: [entry.id],
  }
  desk.save(
    { kind: 'dispute', object: dispute },
    { kind: 'charge', object: { ...charge, disputed: true } },
  )
  desk.schedule('dispute_due', id, EVIDENCE_SECONDS)
  desk.emit('charge.dispute.created', readDispute(desk, dispute))
  return dispute
}

/** A dispute as Stripe prints it. */
export function readDispute(desk: Desk, dispute: Dispute): object {
  return printDispute(
    dispute,
    dispute.balance_transactions.map((id) => desk.get('balance_transaction', id)),
  )
}

/**
 * `POST /v1/disputes/:id`. As at Stripe's test mode, the text `winning_evidence` or
 * `losing_evidence` in `uncategorized_text` decides it at once; other evidence is under review, and
 * is not enough in the end.
 */
export function updateDispute(desk: Desk, dispute: Dispute, params: Params): Dispute {
  requireOpen(dispute)
  const evidence = { ...dispute.evidence, ...textsOf(groupOf(params, 'evidence')) }
  const stranger = FILE_FIELDS.map((field) => evidence[field]).find(
    (id) => id !== undefined && desk.find('file', id) === undefined,
  )
  if (stranger !== undefined) throw PspFailure.missing('file', stranger)
  if (textOf(params, 'submit') === 'false') return keep(desk, { ...dispute, evidence })
  const submission_count = dispute.submission_count + 1
  const submitted: Dispute = { ...dispute, evidence, status: 'under_review', submission_count }
  const text = evidence['uncategorized_text'] ?? ''
  if (text.includes('winning_evidence')) return decide(desk, submitted, 'won')
  if (text.includes('losing_evidence')) return decide(desk, submitted, 'lost')
  keep(desk, submitted)
  desk.schedule('dispute_decided', dispute.id, REVIEW_SECONDS)
  desk.emit('charge.dispute.updated', readDispute(desk, submitted))
  return submitted
}

const FILE_FIELDS = [
  'customer_communication',
  'receipt',
  'service_documentation',
  'shipping_documentation',
  'uncategorized_file',
]

/** `POST /v1/disputes/:id/close`: the merchant gives in. */
export function closeDispute(desk: Desk, dispute: Dispute): Dispute {
  requireOpen(dispute)
  return decide(desk, dispute, 'lost')
}

/** The bank's word. What was taken comes back when it is won. */
function decide(desk: Desk, dispute: Dispute, status: 'won' | 'lost'): Dispute {
  const entry =
    status === 'won'
      ? book(desk, {
          type: 'adjustment',
          reporting_category: 'dispute_reversal',
          amount: dispute.amount,
          fee: -DISPUTE_FEE,
          currency: dispute.currency,
          source: dispute.id,
        })
      : null
  const decided = keep(desk, {
    ...dispute,
    status,
    balance_transactions: [...dispute.balance_transactions, ...(entry === null ? [] : [entry.id])],
  })
  desk.emit('charge.dispute.closed', readDispute(desk, decided))
  return decided
}

function requireOpen(dispute: Dispute): void {
  if (dispute.status === 'needs_response') return
  throw PspFailure.invalid(
    'This dispute is already closed or under review.',
    'dispute',
    'dispute_not_open',
  )
}

function keep(desk: Desk, dispute: Dispute): Dispute {
  desk.save({ kind: 'dispute', object: dispute })
  return dispute
}
