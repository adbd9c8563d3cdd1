import type { Tx } from './client.ts'

/**
 * Records what an operator decided, before it is acted upon. Answers false when this very decision
 * (by the Update's id) is already recorded, so that an Update delivered twice acts once.
 */
export async function insertOperatorDecision(
  tx: Tx,
  decision: { accountId: string; storyId: string; key: string; verb: string; note?: string },
): Promise<boolean> {
  const inserted = await tx
    .insertInto('operator_decisions')
    .values({
      account_id: decision.accountId,
      story_id: decision.storyId,
      key: decision.key,
      verb: decision.verb,
      note: decision.note ?? null,
    })
    .onConflict((conflict) => conflict.columns(['story_id', 'key']).doNothing())
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
}

/** Whether this very decision was made before; its effect is there then. */
export async function isDecided(
  tx: Tx,
  { storyId, key }: { storyId: string; key: string },
): Promise<boolean> {
  const row = await tx
    .selectFrom('operator_decisions')
    .select('key')
    .where('story_id', '=', storyId)
    .where('key', '=', key)
    .executeTakeFirst()
  return row !== undefined
}
