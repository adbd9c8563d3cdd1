import { asyncLocalStorage } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import { inTransaction, type Database } from '../db/client.ts'
import {
  recordSupplierAnswers,
  sumTallies,
  type AttemptAnswer,
  type SourcingRecord,
  type SourcingTally,
  type SupplierAnswers,
} from '../db/sourcing-answers.ts'
import { claimSourcingBatch, type SourcingBatch, type SourcingHold } from '../db/sourcing.ts'
import type { SupplierConnection } from '../db/suppliers.ts'
import type { TaxPolicy } from '../domain/tax.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { Log } from '../log.ts'
import {
  SUPPLIER_ITEMS_MAX,
  type CodeSupplier,
  type SoldCode,
  type SupplierAnswer,
} from './gateways/code-supplier.ts'
import { openCodeKeys, sealCode } from '../secrets/seal-code.ts'
import { lookAtCodes, type CodesLook } from './sourcing-look.ts'
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

export function sourcingActivities(deps: SourcingDeps) {
  const { db } = deps.database
  const room = createSupplierRoom()
  const look = (input: TransactionInput) =>
    inTransaction(db, (tx) => lookAtCodes(tx, input, deps.taxPolicies))

  /** Suppliers are asked side by side, each one thing at a time: none waits for another's answer. */
  async function sourceSideBySide(input: TransactionInput) {
    const asking = new Map<string, Promise<void>>()
    const tallies: SourcingTally[] = []
    const failures: unknown[] = []
    let said = ''
    let calls = 0
    while (calls < CALLS_MAX && failures.length === 0) {
      const claimedAtMs = performance.now()
      // Those that were left out of the claim, also if one of them has answered by its end.
      const leftOut = new Map(asking)
      const claim = await inTransaction(db, (tx) =>
        claimSourcingBatch(tx, input, CLAIM_LIMITS, new Set(leftOut.keys())),
      )
      if (claim !== null && 'batch' in claim) {
        const { batch } = claim
        calls += 1
        const call = ask(input, batch, claimedAtMs)
          .then((heard) => {
            tallies.push(heard.tally)
            said = `; last answer: ${batch.supplierName}, ${heard.said}`
          })
          .catch((error: unknown) => failures.push(error))
          .then(() => void asking.delete(batch.supplierId))
        asking.set(batch.supplierId, call)
      } else if (leftOut.size > 0) await Promise.race(leftOut.values())
      else if (claim === null) break
      else throw heldBack(claim.hold, said)
    }
    await Promise.all(asking.values())
    if (failures.length > 0) throw failures[0]
    return { calls, ...sumTallies(tallies) }
  }

  /** One call: asks, and records what was said. */
  async function ask(input: TransactionInput, batch: SourcingBatch, claimedAtMs: number) {
    if (performance.now() - claimedAtMs > START_SECONDS_MAX * 1000) {
      throw new Error('Came too late to ask the supplier; the references are asked about again')
    }
    const answers = await askSupplier(deps, input, batch)
    const { tally, breaker } = await inTransaction(db, (tx) =>
      recordSupplierAnswers(tx, input, answers),
    )
    reportCall(deps.log, input, batch, { said: answers.said, tally, breaker })
    asyncLocalStorage.getStore()?.heartbeat()
    return { said: answers.said, tally }
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
        return { ...(await sourceSideBySide(input)), ...(await look(input)) }
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
