import { sql } from 'kysely'
import type { RegisteredWait, WorkflowType } from '../domain/story.ts'
import type { Tx } from './client.ts'

/** A story that waits: until an instant of business time, or for a person. */
export type Wait = {
  accountId: string
  /** Public id of the transaction, purchase order or delivery. */
  storyId: string
  workflow: WorkflowType
  /** The ids from which `workflows/contract.ts` builds the workflow id. */
  subject: Record<string, string | number>
  dueAt: Date | null
  needsPerson?: boolean
  /** One line for the operator. */
  reason: string
}

/**
 * Writes who waits, and returns the clock's offset under a lock that orders it against an advance:
 * the advance either sees this row, with the offset that the story's timer is set by, or has already
 * moved the offset that is returned, so no wake-up is lost. Safe to repeat: the row is replaced.
 */
export async function registerWait(tx: Tx, wait: Wait): Promise<RegisteredWait> {
  const clockOffsetMs = await shareClock(tx, wait.accountId)
  await tx
    .insertInto('waits')
    .values({
      story_id: wait.storyId,
      account_id: wait.accountId,
      workflow: wait.workflow,
      subject: JSON.stringify(wait.subject),
      due_at: wait.dueAt,
      needs_person: wait.needsPerson ?? false,
      reason: wait.reason,
      clock_offset_ms: BigInt(clockOffsetMs),
    })
    .onConflict((conflict) =>
      conflict.column('story_id').doUpdateSet((row) => ({
        due_at: row.ref('excluded.due_at'),
        needs_person: row.ref('excluded.needs_person'),
        reason: row.ref('excluded.reason'),
        subject: row.ref('excluded.subject'),
        clock_offset_ms: row.ref('excluded.clock_offset_ms'),
      })),
    )
    .execute()
  return { dueAt: wait.dueAt?.toISOString() ?? null, clockOffsetMs, reason: wait.reason }
}

/** The story acts again or has ended. Safe to repeat. */
export async function endWait(tx: Tx, accountId: string, storyId: string): Promise<void> {
  await tx
    .deleteFrom('waits')
    .where('account_id', '=', accountId)
    .where('story_id', '=', storyId)
    .execute()
}

/** Milliseconds by which the account's business clock is ahead of real time; 0 on live accounts. */
async function shareClock(tx: Tx, accountId: string): Promise<number> {
  const { rows } = await sql<{ offset_ms: bigint }>`
    select offset_ms from test_clocks where account_id = ${accountId} for share`.execute(tx)
  return Number(rows[0]?.offset_ms ?? 0n)
}
