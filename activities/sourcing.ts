import { asyncLocalStorage } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import { inTransaction, type Database, type Tx } from '../db/client.ts'
import type { FulfillmentProgress } from '../db/fulfillment.ts'
import {
  recordSupplierAnswers,
  sumTallies,
  type AttemptAnswer,
  type SourcingRecord,
  type SourcingTally,
  type SupplierAnswers,
} from '../db/sourcing-answers.ts'
import { getSourcingOutlook } from '../db/sourcing-outlook.ts'
import {
  claimSourcingBatch,
  stepTransaction,
  type SourcingBatch,
  type SourcingHold,
} from '../db/sourcing.ts'
import type { SupplierConnection } from '../db/suppliers.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { describeSourcing } from '../domain/sourcing-report.ts'
import type { RegisteredWait } from '../domain/story.ts'
import type { TaxPolicy } from '../domain/tax.ts'
import type { KeyRing } from '../key-ring.ts'
import type { Log } from '../log.ts'
import {
  SUPPLIER_ITEMS_MAX,
  type CodeSupplier,
  type SoldCode,
  type SupplierAnswer,
} from './gateways/code-supplier.ts'
import { openCodeKeys, sealCode } from '../seal-code.ts'
import { beginOrderMoney } from './order-money.ts'
import { createSupplierRoom } from './supplier-room.ts'

/** Calls of one run: a huge order is bought in several runs, each short enough to be repeated. */
const CALLS_MAX = 10
/** From the claim to the call. A process that was frozen for longer must not buy: others may have. */
const START_SECONDS_MAX = 5
/** Beyond a supplier's time for a call: a claim is nobody else's for as long as it can take in all. */
const GRACE_SECONDS = START_SECONDS_MAX + 5
const CLAIM_LIMITS = { itemsMax: SUPPLIER_ITEMS_MAX, graceSeconds: GRACE_SECONDS }
/** A supplier that is asked too fast is tried again within these; it costs no history. */
const HOLD_MS_MIN = 50
const HOLD_MS_MAX = 30_000

type TransactionInput = { accountId: string; transactionId: string }

/** What sourcing needs of the activities' dependencies. */
export type SourcingDeps = {
  database: Database
  keys: { ring: KeyRing; blindIndex: Buffer }
  log: Log
  /** The merchant's own; the shipped ones when left out. */
  taxPolicies?: readonly TaxPolicy[]
  suppliers: (connection: SupplierConnection) => CodeSupplier | Promise<CodeSupplier>
}

/** How a transaction stands. `toSource`: `sourceCodes` has something to do at once. */
export type CodesLook = FulfillmentProgress & {
  /** Lines for the operator: per supplier what was asked, what came, its last answer. */
  detail: string[]
  /** What an order waits for that is not codes. */
  stage?: string
} & (
    | { ended: true; toSource: false; waiting: null }
    | { ended: false; toSource: true; waiting: null }
    /** `dueAt` null: only units in doubt for a day are open, and a person must find out. */
    | {
        ended: false
        toSource: false
        waiting: RegisteredWait
        /** What comes when the wait is over by itself: a supplier's turn, or a look of our own. */
        afterwards: 'source' | 'look'
      }
  )

export function sourcingActivities(deps: SourcingDeps) {
  const { db } = deps.database
  const room = createSupplierRoom()
  const look = (input: TransactionInput) =>
    inTransaction(db, (tx): Promise<CodesLook> => lookAtCodes(tx, input, deps.taxPolicies))

  async function sourceInTurns(input: TransactionInput) {
    let sums = sumTallies([])
    let said = ''
    for (let calls = 0; calls < CALLS_MAX; calls++) {
      const claimedAtMs = performance.now()
      const claim = await inTransaction(db, (tx) => claimSourcingBatch(tx, input, CLAIM_LIMITS))
      if (claim === null) return { calls, ...sums }
      if ('hold' in claim) throw heldBack(claim.hold, said)
      const { batch } = claim
      if (performance.now() - claimedAtMs > START_SECONDS_MAX * 1000) {
        throw new Error('Came too late to ask the supplier; the references are asked about again')
      }
      const answers = await askSupplier(deps, input, batch)
      const { tally, breaker } = await inTransaction(db, (tx) =>
        recordSupplierAnswers(tx, input, answers),
      )
      sums = sumTallies([sums, tally])
      said = `; last answer: ${batch.supplierName}, ${answers.said}`
      reportCall(deps.log, input, batch, { said: answers.said, tally, breaker })
      asyncLocalStorage.getStore()?.heartbeat()
    }
    return { calls: CALLS_MAX, ...sums }
  }

  return {
    /**
     * Buys what the own pool does not have, asks about what is on its way or in doubt, and answers
     * how the transaction stands then, like `awaitCodes`. Safe to run twice and at the same time as
     * itself: each reference is stored before the supplier hears it, the supplier sells a reference
     * once, an attempt without a recorded answer is asked by its reference before anything is bought
     * again, and answers are recorded by conditional updates. What a supplier does is an outcome.
     * Fails only to be repeated soon, before it claims anything: when too many other orders are
     * asking, or a supplier may not be called just now; the message says why, and what was heard last.
     */
    async sourceCodes(
      input: TransactionInput,
    ): Promise<{ calls: number } & SourcingTally & CodesLook> {
      const leave = room.enter(input.accountId)
      try {
        return { ...(await sourceInTurns(input)), ...(await look(input)) }
      } finally {
        leave()
      }
    },
    /**
     * Looks at a transaction: own pool, deadline and end first, then what sourcing does next. When
     * there is nothing to do now, the wait until then is registered. Safe to repeat.
     */
    async awaitCodes(input: TransactionInput): Promise<CodesLook> {
      return look(input)
    },
  }
}

async function lookAtCodes(
  tx: Tx,
  input: TransactionInput,
  policies: SourcingDeps['taxPolicies'],
): Promise<CodesLook> {
  const step = await stepPaidTransaction(tx, input, policies)
  const { units, open, ended, deadlineAt, now } = step
  const progress = { units, open }
  if (ended) return { ...progress, ended, toSource: false, waiting: null, detail: [] }
  if (step.awaitedMoney !== null) {
    const waiting = await registerWait(tx, {
      accountId: input.accountId,
      storyId: input.transactionId,
      workflow: 'fulfillTransaction',
      subject: { transaction_id: input.transactionId },
      dueAt: step.awaitedMoney.payBy,
      reason: step.awaitedMoney.reason,
    })
    const stage = { stage: 'awaiting_payment', detail: [] }
    return { ...progress, ...stage, ended, toSource: false, waiting, afterwards: 'look' }
  }

  const outlook = await getSourcingOutlook(tx, input, now)
  const words = describeSourcing({
    units,
    suppliers: outlook.suppliers,
    sellable: outlook.sellable,
    deadlineAt: deadlineAt.toISOString(),
  })
  const { detail } = words
  if (outlook.nextAt !== null && outlook.nextAt <= now) {
    await endWait(tx, input.accountId, input.transactionId)
    return { ...progress, ended, toSource: true, waiting: null, detail }
  }
  const unbought = (units.queued ?? 0) + (units.backordered ?? 0)
  const givenUpAt = unbought > 0 ? deadlineAt : null
  const dueAt = earliest(givenUpAt, outlook.nextAt)
  const waiting = await registerWait(tx, {
    accountId: input.accountId,
    storyId: input.transactionId,
    workflow: 'fulfillTransaction',
    subject: { transaction_id: input.transactionId },
    dueAt,
    needsPerson: dueAt === null,
    reason: words.reason,
  })
  const afterwards =
    dueAt !== null && dueAt.getTime() === outlook.nextAt?.getTime() ? 'source' : 'look'
  return { ...progress, ended, toSource: false, waiting, afterwards, detail }
}

/** A step; where the money is not there, what there is to pay is decided and its payment begun. */
async function stepPaidTransaction(
  tx: Tx,
  input: TransactionInput,
  policies: SourcingDeps['taxPolicies'],
) {
  const first = await stepTransaction(tx, input)
  if (first.awaitedMoney === null) return { ...first, awaitedMoney: null }
  const problem = await beginOrderMoney(tx, input, policies)
  const { awaitedMoney, ...step } = await stepTransaction(tx, input)
  if (awaitedMoney === null) return { ...step, awaitedMoney }
  const { payBy, dueMinor, paidMinor } = awaitedMoney
  const reason = problem ?? `money: ${paidMinor} of ${dueMinor ?? '?'} minor units have come`
  return { ...step, awaitedMoney: { payBy, reason } }
}

/** A supplier's limit is in real time and short: the activity itself is tried again, in its own time. */
function heldBack(hold: SourcingHold, said: string): ApplicationFailure {
  const waitMs = Math.min(Math.max(Math.ceil(hold.holdSeconds * 1000), HOLD_MS_MIN), HOLD_MS_MAX)
  const why =
    hold.why === 'limit' ? 'is asked as fast as its limits allow' : 'does not answer just now'
  return ApplicationFailure.create({
    type: 'SupplierHeld',
    message: `${hold.supplierName} ${why}; asked again in ${waitMs} ms${said}`,
    nextRetryDelay: waitMs,
  })
}

function reportCall(
  log: Log,
  { transactionId }: TransactionInput,
  batch: SourcingBatch,
  { said, tally, breaker }: SourcingRecord & { said: string },
): void {
  const supplier = { supplier_id: batch.supplierId, said }
  log.info(
    { transaction_id: transactionId, ...supplier, asked: batch.items.length, ...tally },
    batch.kind === 'order' ? 'supplier_ordered' : 'supplier_asked',
  )
  if (breaker === 'opened') log.warn(supplier, 'supplier_breaker_opened')
  if (breaker === 'closed') log.info(supplier, 'supplier_breaker_closed')
}

/** One call; what comes back is encrypted before anything else happens with it. */
async function askSupplier(
  deps: SourcingDeps,
  { accountId }: TransactionInput,
  batch: SourcingBatch,
): Promise<SupplierAnswers> {
  const supplier = await deps.suppliers(batch.connection)
  const context = { now: batch.now }
  const keys = await openCodeKeys(deps.keys, accountId)
  const references = batch.items.map(({ reference }) => reference)
  const ask = (): Promise<SupplierAnswer> => {
    switch (batch.kind) {
      case 'order':
        return supplier.order(
          batch.items.map(({ reference, sku }) => ({ reference, sku })),
          context,
        )
      case 'status':
        return supplier.status(references, context)
      case 'cancel':
        return supplier.cancel(references, context)
    }
  }
  const answer = await ask()
  const sealed = (code: SoldCode) => sealCode(keys, batch.accountMode, code)
  const results = new Map(answer.results.map((result) => [result.reference, result]))
  return {
    supplierId: batch.supplierId,
    callId: batch.callId,
    said: answer.said,
    reached: answer.reached,
    answers: batch.items.map(({ attemptId, reference }): AttemptAnswer => {
      const result = results.get(reference)
      if (result === undefined) return { attemptId, answer: 'unknown', retryAfterSeconds: null }
      return result.state === 'delivered'
        ? { attemptId, answer: 'delivered', code: sealed(result.code), cost: result.code.cost }
        : { attemptId, answer: result.state, retryAfterSeconds: result.retryAfterSeconds }
    }),
    surplus: answer.surplus.map(({ reference, code }) => {
      return { reference, code: sealed(code), cost: code.cost }
    }),
  }
}

function earliest(...instants: (Date | null)[]): Date | null {
  const known = instants.flatMap((at) => at?.getTime() ?? [])
  return known.length === 0 ? null : new Date(Math.min(...known))
}
