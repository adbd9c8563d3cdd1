import { inTransaction } from '../db/client.ts'
import { openLedgerReconciliations } from '../db/ledger-reconciliations.ts'
import { openReconciliations } from '../db/payment-reconciliations.ts'
import { sweepPspEvents } from '../db/psp-events.ts'
import { retireAttempts, sweepLeftovers, sweepStories } from '../db/sweep.ts'
import { listStaleStock, lookAtStock } from '../db/stock-levels.ts'
import { renderInventory } from '../wire/inventory.ts'
import type { ActivityDeps } from './deps.ts'

const STORIES_MAX = 1_000 // per call; the next minute goes on
const EVENTS_MAX = 1_000
const ATTEMPT_MONTHS_KEPT = 3 // a recovery reaches 30 days back, a question of a merchant further
const RECONCILIATIONS_MAX = 100
const LEDGER_REPORTS_MAX = 20 // a minute: each reads every row of an account
const GRACE_SECONDS = 60 // a story at work writes its next wait well within a minute

export function sweepActivities({ database, log }: ActivityDeps) {
  return {
    /**
     * The net below the workflows: overdue days are closed and stories that nobody carries on are
     * started and woken; days that are over are compared with the payment provider, and the books of
     * the night with the business rows. Safe to run twice: starts are by id, and waking only says "look
     * again".
     */
    async sweepWaitingStories(): Promise<{ swept: number }> {
      await inTransaction(database.db, (tx) => sweepPspEvents(tx, EVENTS_MAX))
      const swept = await inTransaction(database.db, (tx) =>
        sweepStories(tx, { graceSeconds: GRACE_SECONDS, max: STORIES_MAX }),
      )
      await inTransaction(database.db, (tx) => openReconciliations(tx, RECONCILIATIONS_MAX))
      await inTransaction(database.db, (tx) => openLedgerReconciliations(tx, LEDGER_REPORTS_MAX))
      for (const { workflow, story_id } of swept)
        log.warn({ workflow, story: story_id }, 'story swept')
      await inTransaction(database.db, (tx) => sweepLeftovers(tx))
      for (const product of await listStaleStock(database.db)) {
        await inTransaction(database.db, (tx) => lookAtStock(tx, product, renderInventory))
      }
      await inTransaction(database.db, (tx) => retireAttempts(tx, ATTEMPT_MONTHS_KEPT))
      return { swept: swept.length }
    },
  }
}
