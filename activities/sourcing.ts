import { asyncLocalStorage } from '@temporalio/activity'
import { inTransaction, type Database } from '../db/client.ts'
import type { FulfillmentProgress } from '../db/fulfillment.ts'
import {
  recordSupplierAnswers,
  sumTallies,
  type AttemptAnswer,
  type SourcingTally,
  type SupplierAnswers,
} from '../db/sourcing-answers.ts'
import { getSourcingOutlook } from '../db/sourcing-outlook.ts'
import { claimSourcingBatch, stepTransaction, type SourcingBatch } from '../db/sourcing.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { describeSourcing } from '../domain/sourcing-report.ts'
import type { RegisteredWait } from '../domain/story.ts'
import type { Log } from '../log.ts'
import {
  SUPPLIER_CALL_SECONDS_MAX,
  SUPPLIER_ITEMS_MAX,
  type CodeSupplier,
  type SoldCode,
  type SupplierAnswer,
} from './gateways/code-supplier.ts'
import { sealCode } from './seal-code.ts'
import { createSupplierRoom } from './supplier-room.ts'

/** Calls of one run: a huge order is bought in several runs, each short enough to be repeated. */
const CALLS_MAX = 10
/** From the claim to the call. A process that was frozen for longer must not buy: others may have. */
const START_SECONDS_MAX = 5
/** Longer than a claimed call can take in all, so that nobody else acts on it meanwhile. */
const LEASE_SECONDS = SUPPLIER_CALL_SECONDS_MAX + START_SECONDS_MAX + 5

type TransactionInput = { accountId: string; transactionId: string }

/** What sourcing needs of the activities' dependencies. */
export type SourcingDeps = {
  database: Database
  keys: { codes: Buffer; blindIndex: Buffer }
  log: Log
  suppliers: (adapter: 'sandbox') => CodeSupplier
}

/** How a transaction stands. `toSource`: `sourceCodes` has something to do at once. */
export type CodesLook = FulfillmentProgress & {
  /** Lines for the operator: per supplier what was asked, what came, its last answer. */
  detail: string[]
} & (
    | { ended: true; toSource: false; waiting: null }
    | { ended: false; toSource: true; waiting: null }
    /** `dueAt` null: only units in doubt for a day are open, and a person must find out. */
    | { ended: false; toSource: false; waiting: RegisteredWait }
  )

export function sourcingActivities(deps: SourcingDeps) {
  const { db } = deps.database
  const room = createSupplierRoom()

  async function sourceInTurns(input: TransactionInput) {
    let sums = sumTallies([])
    for (let calls = 0; ; calls++) {
      if (calls === CALLS_MAX) return { calls, ...sums }
      const claimedAtMs = performance.now()
      const batch = await inTransaction(db, (tx) =>
        claimSourcingBatch(tx, input, {
          itemsMax: SUPPLIER_ITEMS_MAX,
          leaseSeconds: LEASE_SECONDS,
        }),
      )
      if (batch === null) return { calls, ...sums }
      if (performance.now() - claimedAtMs > START_SECONDS_MAX * 1000) {
        throw new Error('Came too late to ask the supplier; the references are asked about again')
      }
      const answers = await askSupplier(deps, input, batch)
      const tally = await inTransaction(db, (tx) => recordSupplierAnswers(tx, input, answers))
      sums = sumTallies([sums, tally])
      deps.log.info(
        {
          transaction_id: input.transactionId,
          supplier_id: batch.supplierId,
          asked: batch.items.length,
          said: answers.said,
          ...tally,
        },
        batch.kind === 'order' ? 'supplier_ordered' : 'supplier_asked',
      )
      asyncLocalStorage.getStore()?.heartbeat()
    }
  }

  return {
    /**
     * Buys what the own pool does not have, and asks about what is on its way or in doubt; answers
     * counts of units. Safe to run twice and at the same time as itself: each reference is stored
     * before the supplier hears it, the supplier sells a reference once, an attempt without a
     * recorded answer is asked by its reference before anything is bought again, and answers are
     * recorded by conditional updates. Never fails because of a supplier: that is an outcome. Fails
     * before it claims anything while too many other orders are asking.
     */
    async sourceCodes(input: TransactionInput): Promise<{ calls: number } & SourcingTally> {
      const leave = room.enter(input.accountId)
      try {
        return await sourceInTurns(input)
      } finally {
        leave()
      }
    },
    /**
     * Looks at a transaction: own pool, deadline and end first, then what sourcing does next. When
     * there is nothing to do now, the wait until then is registered. Safe to repeat.
     */
    async awaitCodes(input: TransactionInput): Promise<CodesLook> {
      return inTransaction(db, async (tx): Promise<CodesLook> => {
        const { units, open, ended, deadlineAt, now } = await stepTransaction(tx, input)
        const progress = { units, open }
        if (ended) return { ...progress, ended, toSource: false, waiting: null, detail: [] }

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
        const dueAt = earliest(unbought > 0 ? deadlineAt : null, outlook.nextAt)
        const waiting = await registerWait(tx, {
          accountId: input.accountId,
          storyId: input.transactionId,
          workflow: 'fulfillTransaction',
          subject: { transaction_id: input.transactionId },
          dueAt,
          needsPerson: dueAt === null,
          reason: words.reason,
        })
        return { ...progress, ended, toSource: false, waiting, detail }
      })
    },
  }
}

/** One call; what comes back is encrypted before anything else happens with it. */
async function askSupplier(
  deps: SourcingDeps,
  { accountId }: TransactionInput,
  batch: SourcingBatch,
): Promise<SupplierAnswers> {
  const supplier = deps.suppliers(batch.adapter)
  const context = { now: batch.now }
  const answer: SupplierAnswer =
    batch.kind === 'order'
      ? await supplier.order(
          batch.items.map(({ reference, sku }) => ({ reference, sku })),
          context,
        )
      : await supplier.status(
          batch.items.map(({ reference }) => reference),
          context,
        )
  const account = { id: accountId, mode: batch.accountMode }
  const sealed = (code: SoldCode) => sealCode(deps.keys, account, code)
  const results = new Map(answer.results.map((result) => [result.reference, result]))
  return {
    supplierId: batch.supplierId,
    said: answer.said,
    answers: batch.items.map(({ attemptId, reference }): AttemptAnswer => {
      const result = results.get(reference)
      if (result === undefined) return { attemptId, answer: 'unknown', retryAfterSeconds: null }
      return result.state === 'delivered'
        ? { attemptId, answer: 'delivered', code: sealed(result.code) }
        : { attemptId, answer: result.state, retryAfterSeconds: result.retryAfterSeconds }
    }),
    surplus: answer.surplus.map(({ reference, code }) => ({ reference, code: sealed(code) })),
  }
}

function earliest(...instants: (Date | null)[]): Date | null {
  const known = instants.flatMap((at) => at?.getTime() ?? [])
  return known.length === 0 ? null : new Date(Math.min(...known))
}
