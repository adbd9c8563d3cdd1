import { inTransaction, type Tx } from '../db/client.ts'
import { requestCancelRemaining } from '../db/fulfillment.ts'
import { insertOperatorDecision, isDecided } from '../db/operator-decisions.ts'
import {
  cancelOpenAttempts,
  rerouteTransaction,
  resolveUnit,
  type DecisionEffect,
  type UnitFinding,
} from '../db/sourcing-decisions.ts'
import { hurrySourcing } from '../db/sourcing-outlook.ts'
import type { ActivityDeps } from './deps.ts'

type TransactionInput = { accountId: string; transactionId: string }
/** `key` is the Update's id, `note` the operator's reason. */
type DecisionInput = TransactionInput & { key: string; note?: string }

/** What an operator hears of a decision; refused, and nothing was written, when it means nothing. */
type DecisionAnswer = { accepted: boolean; effect: string }

/** What operators decide about a transaction's codes; each decision is written before its effect. */
export function sourcingDecisionActivities({ database }: ActivityDeps) {
  const { db } = database
  return {
    /**
     * Writes an operator's decision to give up what is not delivered; suppliers are asked to undo
     * what they have. Key: the Update's id. The units themselves change in the next look.
     */
    async recordCancelRemaining(input: DecisionInput): Promise<void> {
      await inTransaction(db, async (tx) => {
        await recordDecision(tx, input, 'cancelRemaining')
        await requestCancelRemaining(tx, input)
        await cancelOpenAttempts(tx, input)
      })
    },

    /**
     * Writes an operator's decision to ask again, and makes every planned question and purchase due
     * now. Key: the Update's id.
     */
    async recordRetryNow(input: DecisionInput): Promise<void> {
      await inTransaction(db, async (tx) => {
        await recordDecision(tx, input, 'retryNow')
        await hurrySourcing(tx, input)
      })
    },

    /** Writes an operator's decision to buy elsewhere. Key: the Update's id. */
    async recordReroute(
      input: DecisionInput & { from?: string; to?: string },
    ): Promise<DecisionAnswer> {
      return decide(input, 'rerouteSupplier', (tx) => rerouteTransaction(tx, input, input))
    },

    /** Writes what an operator found out about a unit in doubt. Key: the Update's id. */
    async recordResolveUnit(
      input: DecisionInput & { unitId: string; finding: UnitFinding },
    ): Promise<DecisionAnswer> {
      return decide(input, 'resolveUnit', (tx) => resolveUnit(tx, input, input))
    },
  }

  async function decide(
    input: DecisionInput,
    verb: string,
    act: (tx: Tx) => Promise<DecisionEffect>,
  ): Promise<DecisionAnswer> {
    return inTransaction(db, async (tx) => {
      if (await isDecided(tx, { storyId: input.transactionId, key: input.key })) {
        return { accepted: true, effect: 'This was decided already.' }
      }
      const done = await act(tx)
      if ('refused' in done) return { accepted: false, effect: done.refused }
      await recordDecision(tx, input, verb)
      return { accepted: true, effect: done.effect }
    })
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
