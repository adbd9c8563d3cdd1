import { fulfillTransaction, type FulfillmentProgress } from '../db/fulfillment.ts'
import type { ActivityDeps } from './deps.ts'

type TransactionInput = { accountId: string; transactionId: string }

export function transactionActivities({ database, stock }: ActivityDeps) {
  return {
    /**
     * Gives the units of a transaction the codes that the own pool has, and ends the transaction
     * when no unit is open. Safe to run twice: only units without a code get one.
     */
    async allocateCodes(input: TransactionInput): Promise<FulfillmentProgress> {
      const progress = await fulfillTransaction(database.pool, input)
      if ((progress.units.allocated ?? 0) > 0) stock.took(input.transactionId)
      return progress
    },
  }
}
