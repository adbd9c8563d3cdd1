import { inTransaction, type Tx } from '../db/client.ts'
import { answerDispute } from '../db/dispute-answers.ts'
import { getEvidenceFacts } from '../db/dispute-evidence.ts'
import { updateDispute, type DisputeKey } from '../db/disputes.ts'
import { insertOperatorDecision, isDecided } from '../db/operator-decisions.ts'
import {
  findDisputeOperation,
  getOperation,
  markAsking,
  markSending,
  type OperationRow,
} from '../db/payment-operations.ts'
import { getPayingAccount, type PaymentRow } from '../db/payments.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { planDispute } from '../domain/dispute.ts'
import { assembleEvidence } from '../domain/dispute-evidence.ts'
import { DomainError } from '../domain/error.ts'
import { planOperation } from '../domain/payment.ts'
import { newId } from '../new-id.ts'
import { callAboutDispute } from './dispute-calls.ts'
import { emitDisputeEvent } from './dispute-changes.ts'
import {
  lockDisputeWork,
  recordDispute,
  type DisputeCall,
  type DisputeWork,
} from './dispute-outcomes.ts'
import type { MoneyStep, PaymentDeps } from './payments.ts'

/** Calls of one run: more than any dispute needs at once, so that nothing spins. */
const CALLS_MAX = 20

type DisputeClaim = DisputeCall | { act: 'again' } | { act: 'step'; step: MoneyStep }

export function disputeActivities(deps: PaymentDeps) {
  const { db } = deps.database

  return {
    /**
     * Takes a dispute as far as it goes now: sends the answer that is due under its stored key, asks
     * the provider how it stands, reminds of the deadline, and records what came back. Safe to run
     * twice and at the same time as itself, as `workPayment` is.
     */
    async workDispute(input: DisputeKey): Promise<MoneyStep> {
      for (let calls = 0; calls < CALLS_MAX; calls++) {
        const claim = await inTransaction(db, (tx) => claimWork(tx, input))
        if (claim.act === 'step') return claim.step
        if (claim.act === 'again') continue
        const { mode } = await getPayingAccount(db, input.accountId)
        const outcome = await callAboutDispute(db, deps.payments(mode), claim)
        deps.log.info({ dispute: input.disputeId, outcome: outcome.kind }, `dispute_${claim.act}`)
        await inTransaction(db, (tx) => recordDispute(tx, claim, outcome))
      }
      throw new Error(`${input.disputeId} needs more than ${CALLS_MAX} calls at once`)
    },

    /**
     * An operator answers a dispute: with what the order says by itself, or by giving in. Key: the
     * Update's id. Answers in words when that is not possible.
     */
    async decideDispute(input: DisputeDecision): Promise<{ accepted: boolean; effect: string }> {
      return inTransaction(db, (tx) => carryOut(tx, input))
    },
  }
}

type DisputeDecision = DisputeKey & {
  /** The Update's id. */
  key: string
  verb: 'submitEvidence' | 'accept'
  note?: string
}

async function carryOut(tx: Tx, input: DisputeDecision) {
  const { accountId, disputeId: storyId, key, verb, note } = input
  const { payment, dispute } = await lockDisputeWork(tx, input)
  const isGivenUp = verb === 'accept'
  const effect = isGivenUp ? 'The dispute is given up.' : "The order's own evidence is submitted."
  if (await isDecided(tx, { storyId, key })) return { accepted: true, effect }
  const operationId = newId('paymentOperation')
  const evidence = isGivenUp ? {} : await ownEvidence(tx, payment)
  if (!isGivenUp && Object.keys(evidence).length === 0) {
    return { accepted: false, effect: 'The payment is of no order: there is no evidence.' }
  }
  try {
    await answerDispute(
      tx,
      { dispute },
      isGivenUp
        ? { operationId, kind: 'accept' }
        : { operationId, kind: 'respond', evidence, files: [] },
    )
  } catch (error) {
    if (error instanceof DomainError) return { accepted: false, effect: error.message }
    throw error
  }
  await insertOperatorDecision(tx, { accountId, storyId, key, verb, note })
  return { accepted: true, effect }
}

async function ownEvidence(tx: Tx, payment: PaymentRow) {
  const key = { accountId: payment.account_id, paymentId: payment.id }
  const facts = await getEvidenceFacts(tx, key)
  return facts === null ? {} : assembleEvidence(facts)
}

async function claimWork(tx: Tx, input: DisputeKey): Promise<DisputeClaim> {
  const work = await lockDisputeWork(tx, input)
  const { payment, dispute, account } = work
  const told = dispute.refresh_wanted_at !== null
  const operation = await findDisputeOperation(tx, input.accountId, dispute.id)
  if (operation !== null) return claimOperation(tx, work, operation, told)
  if (told) {
    await endWait(tx, input.accountId, dispute.id)
    return { act: 'ask', work, operation: null }
  }
  const { ask_at: askAt, evidence_due_at: evidenceDueAt } = dispute
  if (askAt === null) {
    await updateDispute(tx, input, { ended_at: account.now })
    await endWait(tx, input.accountId, dispute.id)
    return { act: 'step', step: { ended: true, state: dispute.state } }
  }
  if (evidenceDueAt === null && askAt > account.now) {
    const reason = 'the provider to say what it is about'
    return waiting(tx, work, { until: askAt, reason, stuckReason: null })
  }
  const plan = planDispute(
    {
      state: dispute.state,
      evidenceDueAt: evidenceDueAt ?? askAt,
      remindersSent: dispute.reminders_sent,
      askAt,
    },
    account.now,
  )
  if (plan.act === 'wait') return waiting(tx, work, plan)
  await endWait(tx, input.accountId, dispute.id)
  if (plan.act === 'ask') return { act: 'ask', work, operation: null }
  const reminded = await updateDispute(tx, input, { reminders_sent: plan.remindersSent })
  await emitDisputeEvent(tx, payment, reminded, 'dispute.evidence_due')
  return { act: 'again' }
}

async function claimOperation(
  tx: Tx,
  work: DisputeWork,
  operation: OperationRow,
  told: boolean,
): Promise<DisputeClaim> {
  const { account, dispute } = work
  const plan = planOperation(operation, told, account.now)
  if (plan.act === 'wait') return waiting(tx, work, plan)
  await endWait(tx, account.accountId, dispute.id)
  if (plan.act === 'send') await markSending(tx, operation, account.now)
  else await markAsking(tx, operation)
  const claimed = await getOperation(tx, account.accountId, operation.id)
  return { act: plan.act, work, operation: claimed }
}

async function waiting(
  tx: Tx,
  { dispute, account }: DisputeWork,
  plan: { until: Date; reason: string; stuckReason: string | null },
): Promise<DisputeClaim> {
  const wait = await registerWait(tx, {
    accountId: account.accountId,
    storyId: dispute.id,
    workflow: 'handleDispute',
    subject: { dispute_id: dispute.id, run: dispute.run },
    dueAt: plan.until,
    reason: plan.reason,
  })
  const { stuckReason } = plan
  return { act: 'step', step: { ended: false, state: dispute.state, wait, stuckReason } }
}
