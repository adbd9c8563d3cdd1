import { inTransaction, type Db, type Tx } from '../db/client.ts'
import { insertOperatorDecision, isDecided } from '../db/operator-decisions.ts'
import {
  findOpenOperation,
  insertOperation,
  markAsking,
  markSending,
  wasCancelTried,
  type OperationRow,
} from '../db/payment-operations.ts'
import {
  endPayment,
  getPayingAccount,
  lockPayment,
  updatePayment,
  type PaymentKey,
  type PaymentRow,
} from '../db/payments.ts'
import { routeParkedEvents } from '../db/psp-events.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { ACTION_SECONDS_MAX, planOperation, pollAfterSeconds } from '../domain/payment.ts'
import type { RegisteredWait } from '../domain/story.ts'
import { newId } from '../new-id.ts'
import type {
  PaymentProvider,
  ProviderAccount,
  ProviderOutcome,
  ProviderPayment,
} from './gateways/payment-provider.ts'
import type { ActivityDeps } from './deps.ts'
import { isOrphaned } from './order-money.ts'
import { decideOperation, recordAsked, recordSent } from './payment-outcomes.ts'

/** Calls of one run: more than any payment needs at once, so that nothing spins. */
const CALLS_MAX = 20
const QUESTION_PAUSE_MS = 60_000

export type PaymentInput = PaymentKey
/**
 * What the workflow does next. `stuckReason`: a person is called, while asking goes on. `unknown`: a
 * call was not answered, and nobody knows whether money moved; what an earlier version recorded does
 * not say it.
 */
export type MoneyStep =
  | { ended: true; state: string }
  | {
      ended: false
      state: string
      wait: RegisteredWait
      stuckReason: string | null
      unknown?: boolean
    }

/** What is to be done about a payment now. `operation` is null for a plain look. */
type Claim =
  | { act: 'send'; payment: PaymentRow; operation: OperationRow; account: ProviderAccount }
  | { act: 'ask'; payment: PaymentRow; operation: OperationRow | null; account: ProviderAccount }
  | { act: 'step'; step: MoneyStep }

/** What stories about money need of the activities' dependencies. */
export type PaymentDeps = Pick<ActivityDeps, 'database' | 'log' | 'payments'>

export function paymentActivities(deps: PaymentDeps) {
  const { db } = deps.database
  return {
    /**
     * Takes a payment as far as it goes now: sends the operation that is due under its stored key,
     * or asks the provider how things stand, and records what came back. Safe to run twice and at
     * the same time as itself: the key is the operation's own, the provider acts on a key once, and
     * the first recorded outcome stays. Never fails because of a provider: that is an outcome.
     */
    async workPayment(input: PaymentInput): Promise<MoneyStep> {
      for (let calls = 0; calls < CALLS_MAX; calls++) {
        const claim = await inTransaction(db, (tx) => claimWork(tx, input))
        if (claim.act === 'step') {
          if (claim.step.ended) await routeParkedEvents(db, input)
          return claim.step
        }
        const provider = deps.payments(await modeOf(db, input.accountId))
        const outcome = await callProvider(provider, claim)
        deps.log.info(
          {
            payment: input.paymentId,
            operation: claim.operation?.id ?? null,
            kind: claim.operation?.kind ?? 'look',
            outcome: outcome.kind,
          },
          claim.act === 'send' ? 'payment_sent' : 'payment_asked',
        )
        await inTransaction(db, (tx) => record(tx, claim, outcome))
      }
      throw new Error(`${input.paymentId} needs more than ${CALLS_MAX} calls at once`)
    },

    /**
     * An operator's word about an operation whose outcome nobody could find out. Key: the Update's
     * id. Answers whether there was one.
     */
    async decidePayment(
      input: PaymentInput & { key: string; succeeded: boolean; evidence: string },
    ): Promise<{ decided: boolean }> {
      return inTransaction(db, async (tx) => {
        const { accountId, paymentId: storyId, key, succeeded, evidence } = input
        const payment = await lockPayment(tx, { accountId, customerId: null }, storyId)
        if (await isDecided(tx, { storyId, key })) return { decided: true }
        const operation = await findOpenOperation(tx, input)
        if (operation?.state !== 'unknown') return { decided: false }
        const verb = succeeded ? 'markSucceeded' : 'markFailed'
        await insertOperatorDecision(tx, { accountId, storyId, key, verb, note: evidence })
        await decideOperation(tx, payment, operation, succeeded)
        return { decided: true }
      })
    },
  }
}

/** Decides under the payment's lock what is to be done, and writes that it is about to be. */
async function claimWork(tx: Tx, input: PaymentInput): Promise<Claim> {
  const payment = await lockPayment(
    tx,
    { accountId: input.accountId, customerId: null },
    input.paymentId,
  )
  const { now, reference } = await getPayingAccount(tx, input.accountId)
  const account = { accountId: input.accountId, reference, now }
  const operation = await findOpenOperation(tx, input)
  if (operation !== null) return claimOperation(tx, payment, operation, account)
  const told = payment.refresh_wanted_at !== null && payment.run > 0
  const due = payment.ask_at !== null && payment.ask_at <= now
  if (await isToBeLetGo(tx, payment, now)) {
    const id = newId('paymentOperation')
    await insertOperation(tx, { ...input, id, kind: 'cancel', amountMinor: null })
    return claimWork(tx, input)
  }
  if (told || due) {
    if (due) await postponeQuestion(tx, payment, now)
    await endWait(tx, input.accountId, payment.id)
    return { act: 'ask', payment, operation: null, account }
  }
  if (payment.ask_at === null) {
    await endPayment(tx, input, now)
    await endWait(tx, input.accountId, payment.id)
    return { act: 'step', step: { ended: true, state: payment.state } }
  }
  const reason = WAITING_FOR[payment.state]
  const step = await waitUntil(tx, payment, { until: payment.ask_at, reason, stuckReason: null })
  return { act: 'step', step }
}

/** Nobody passed its page in time, or its order has ended. Tried once: then only asking helps. */
async function isToBeLetGo(tx: Tx, payment: PaymentRow, now: Date): Promise<boolean> {
  const isLate =
    payment.state === 'requires_action' && now >= secondsAfter(payment, ACTION_SECONDS_MAX)
  if (!isLate && !(await isOrphaned(tx, payment))) return false
  return !(await wasCancelTried(tx, keyOf(payment)))
}

const WAITING_FOR: Readonly<Record<PaymentRow['state'], string>> = {
  requires_payment_method: 'a payment method',
  requires_action: 'the payer to confirm on a page',
  processing: 'the money to arrive',
  requires_capture: 'a capture, or the end of the authorization',
  succeeded: 'nothing',
  cancelled: 'nothing',
  failed: 'another payment method',
}

/** A question that is not answered is asked again later, not at once. */
async function postponeQuestion(tx: Tx, payment: PaymentRow, now: Date): Promise<void> {
  const asks = payment.ask_count + 1
  await updatePayment(tx, keyOf(payment), {
    ask_count: asks,
    ask_at: laterOf(
      secondsAfter(payment, pollAfterSeconds(asks)),
      new Date(now.getTime() + QUESTION_PAUSE_MS),
    ),
  })
}

async function claimOperation(
  tx: Tx,
  payment: PaymentRow,
  operation: OperationRow,
  account: ProviderAccount,
): Promise<Claim> {
  const plan = planOperation(operation, payment.refresh_wanted_at !== null, account.now)
  if (plan.act === 'wait') {
    const step = await waitUntil(tx, payment, plan)
    return { act: 'step', step: { ...step, unknown: operation.state === 'unknown' } }
  }
  await endWait(tx, account.accountId, payment.id)
  if (plan.act === 'send') await markSending(tx, operation, account.now)
  else await markAsking(tx, operation)
  return { act: plan.act, payment, operation: await reread(tx, operation), account }
}

async function reread(tx: Tx, operation: OperationRow): Promise<OperationRow> {
  const found = await findOpenOperation(tx, {
    accountId: operation.account_id,
    paymentId: operation.payment_id,
  })
  if (found === null) throw new Error(`${operation.id} ended under our lock`)
  return found
}

async function waitUntil(
  tx: Tx,
  payment: PaymentRow,
  { until, reason, stuckReason }: { until: Date; reason: string; stuckReason: string | null },
) {
  const wait = await registerWait(tx, {
    accountId: payment.account_id,
    storyId: payment.id,
    workflow: 'processPayment',
    subject: { payment_id: payment.id, run: payment.run },
    dueAt: until,
    reason,
  })
  return { ended: false as const, state: payment.state, wait, stuckReason }
}

type Call = Exclude<Claim, { act: 'step' }>

async function callProvider(
  provider: PaymentProvider,
  call: Call,
): Promise<ProviderOutcome<ProviderPayment | null>> {
  const { account, payment, operation } = call
  const providerId = payment.provider_id
  if (call.act === 'ask' || operation === null) {
    return provider.findPayment(
      account,
      providerId === null ? { paymentId: payment.id } : { providerId },
    )
  }
  const key = operation.idempotency_key
  if (operation.kind === 'authorize') {
    return provider.authorize(account, key, {
      paymentId: payment.id,
      providerId,
      amountMinor: payment.amount_minor,
      currency: payment.currency,
      captureMethod: payment.capture_method,
      instrument: { token: operation.token, method: operation.method ?? payment.method },
      returnUrl: payment.return_url,
    })
  }
  if (providerId === null) {
    // Nothing was ever made there, so there is nothing to let go of.
    const problem = { code: 'never_made', declineCode: null, message: 'There is no payment.' }
    return { kind: 'refused', problem }
  }
  if (operation.kind === 'capture') {
    const amountMinor = operation.amount_minor ?? payment.authorized_minor
    return provider.capture(account, key, { providerId, amountMinor })
  }
  return provider.cancel(account, key, { providerId })
}

async function record(
  tx: Tx,
  { act, payment, operation, account }: Call,
  outcome: ProviderOutcome<ProviderPayment | null>,
): Promise<void> {
  const owner = { accountId: account.accountId, customerId: null }
  const locked = await lockPayment(tx, owner, payment.id)
  const seen = payment.refresh_wanted_at
  if (act === 'send') {
    await recordSent(tx, locked, operation, outcome, account.now)
  } else {
    await recordAsked(tx, locked, { operation, seen }, outcome, account.now)
  }
}

async function modeOf(db: Db, accountId: string): Promise<'live' | 'test'> {
  return (await getPayingAccount(db, accountId)).mode
}

function secondsAfter(payment: PaymentRow, seconds: number): Date {
  return new Date(payment.state_since.getTime() + seconds * 1000)
}

function laterOf(a: Date, b: Date): Date {
  return a > b ? a : b
}

function keyOf(row: PaymentRow): PaymentKey {
  return { accountId: row.account_id, paymentId: row.id }
}
