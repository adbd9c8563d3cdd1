import { fulfillTransaction, type FulfillmentProgress } from '../db/fulfillment.ts'
import { requestCancelRemaining } from '../db/fulfillment.ts'
import { inTransaction } from '../db/client.ts'
import { insertOperatorDecision } from '../db/operator-decisions.ts'
import type { ActivityDeps } from './index.ts'

type TransactionInput = { accountId: string; transactionId: string }

export function transactionActivities({ database }: ActivityDeps) {
  return {
    /**
     * Gives the units of a transaction the codes that the own pool has, and ends the transaction
     * when no unit is open. Safe to run twice: only units without a code get one.
     */
    async allocateCodes(input: TransactionInput): Promise<FulfillmentProgress> {
      return fulfillTransaction(database.pool, input)
    },

    /**
     * Writes an operator's decision to give up what is not delivered. Key: the Update's id.
     * The units themselves change in the next look at the transaction.
     */
    async recordCancelRemaining(
      input: TransactionInput & { key: string; note?: string },
    ): Promise<void> {
      await inTransaction(database.db, async (tx) => {
        await insertOperatorDecision(tx, {
          accountId: input.accountId,
          storyId: input.transactionId,
          key: input.key,
          verb: 'cancelRemaining',
          note: input.note,
        })
        await requestCancelRemaining(tx, input)
      })
    },
  }
}
