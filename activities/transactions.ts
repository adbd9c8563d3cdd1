import { inTransaction, type Tx } from '../db/client.ts'
import {
  fulfillTransaction,
  requestCancelRemaining,
  type FulfillmentProgress,
} from '../db/fulfillment.ts'
import { insertOperatorDecision } from '../db/operator-decisions.ts'
import { hurrySourcing } from '../db/sourcing-outlook.ts'
import type { ActivityDeps } from './index.ts'

type TransactionInput = { accountId: string; transactionId: string }
/** `key` is the Update's id, `note` the operator's reason. */
type DecisionInput = TransactionInput & { key: string; note?: string }

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
    async recordCancelRemaining(input: DecisionInput): Promise<void> {
      await inTransaction(database.db, async (tx) => {
        await recordDecision(tx, input, 'cancelRemaining')
        await requestCancelRemaining(tx, input)
      })
    },

    /**
     * Writes an operator's decision to ask again, and makes every planned question and purchase due
     * now. Key: the Update's id.
     */
    async recordRetryNow(input: DecisionInput): Promise<void> {
      await inTransaction(database.db, async (tx) => {
        await recordDecision(tx, input, 'retryNow')
        await hurrySourcing(tx, input)
      })
    },
  }
}

async function recordDecision(tx: Tx, input: DecisionInput, verb: string): Promise<void> {
  await insertOperatorDecision(tx, {
    accountId: input.accountId,
    storyId: input.transactionId,
    key: input.key,
    verb,
    note: input.note,
  })
}
