import { inTransaction } from '../db/client.ts'
import { emitEvent } from '../db/events.ts'
import { getLedgerReport, keepLedgerReport } from '../db/ledger-reconciliations.ts'
import { reconcile } from '../db/reconciliation.ts'
import { renderLedgerReport } from '../wire/ledger-report.ts'
import type { ActivityDeps } from './deps.ts'

export function ledgerReconciliationActivities({ database, log }: ActivityDeps) {
  return {
    /**
     * Compares what the business rows of an account say with its ledger and keeps the report; what does
     * not hold is told in the same commit. Safe to run twice: the first report stays.
     */
    async reportLedger(input: {
      accountId: string
      ledgerReconciliationId: string
    }): Promise<{ identities: number; differing: number }> {
      const { accountId, ledgerReconciliationId: id } = input
      const asked = await getLedgerReport(database.db, { accountId, id })
      if (asked.ended_at === null) {
        const results = await reconcile(database.db, accountId)
        await inTransaction(database.db, async (tx) => {
          const report = await keepLedgerReport(tx, { accountId, id }, results)
          if (report === null || report.differing === 0) return
          await emitEvent(tx, {
            accountId,
            type: 'ledger.out_of_balance',
            objectId: id,
            sequence: 1,
            customerId: null,
            facts: { object: renderLedgerReport(report) },
          })
        })
      }
      const report = await getLedgerReport(database.db, { accountId, id })
      const { identities, differing } = report
      if (identities === null || differing === null) throw new Error(`${id} has no result`)
      if (differing > 0) log.error({ report: id, differing }, 'ledger out of balance')
      return { identities, differing }
    },
  }
}
