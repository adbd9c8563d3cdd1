import { sql } from 'kysely'
import type { Tx } from './client.ts'

/** One operation of one caller under one key. */
export type IdempotencyScope = {
  accountId: string
  /** The customer a key is bound to, or ''. */
  customerScope: string
  operation: string
  key: string
}

/** An answer as it is kept: sealed under a data key of the account. */
export type SealedAnswer = { sealed: Buffer; keyVersion: number }

export type IdempotencyClaim =
  { outcome: 'claimed' } | { outcome: 'seen'; fingerprint: Buffer; answer: SealedAnswer | null }

/**
 * Claims a key for 24 hours, or for ever where money moves, or finds what it was used for. A duplicate that is still being worked
 * on holds the row: this waits for it and fails with 55P03 when it takes longer than `lock_timeout`.
 * The claim lives and dies with the transaction, and so with the work that it protects.
 */
export async function claimIdempotencyKey(
  tx: Tx,
  scope: IdempotencyScope,
  fingerprint: Buffer,
  forEver: boolean,
): Promise<IdempotencyClaim> {
  const claimed = await tx
    .insertInto('idempotency_keys')
    .values({
      account_id: scope.accountId,
      customer_scope: scope.customerScope,
      operation: scope.operation,
      key: scope.key,
      fingerprint,
      expires_at: forEver ? null : sql<Date>`clock_timestamp() + interval '24 hours'`,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['account_id', 'customer_scope', 'operation', 'key'])
        .doUpdateSet((row) => ({
          fingerprint: row.ref('excluded.fingerprint'),
          answer: null,
          key_version: null,
          expires_at: row.ref('excluded.expires_at'),
        }))
        .where('idempotency_keys.expires_at', '<', sql<Date>`clock_timestamp()`),
    )
    .executeTakeFirst()
  if ((claimed.numInsertedOrUpdatedRows ?? 0n) > 0n) return { outcome: 'claimed' }
  const seen = await whereScope(tx, scope)
    .select(['fingerprint', 'answer', 'key_version'])
    .executeTakeFirst()
  if (seen === undefined) throw new Error('An idempotency key vanished while its row was held')
  const { answer, key_version: keyVersion } = seen
  const isKept = answer !== null && keyVersion !== null
  const first = seen.fingerprint
  return {
    outcome: 'seen',
    fingerprint: first,
    answer: isKept ? { sealed: answer, keyVersion } : null,
  }
}

/** What a stored answer is bound to, beside its account. */
export function answerRowId({
  customerScope,
  operation,
  key,
}: Pick<IdempotencyScope, 'customerScope' | 'operation' | 'key'>): string {
  return JSON.stringify([customerScope, operation, key])
}

/** Keeps the sealed answer with its key, in the transaction of the work. */
export async function updateIdempotencyAnswer(
  tx: Tx,
  scope: IdempotencyScope,
  answer: SealedAnswer,
): Promise<void> {
  await tx
    .updateTable('idempotency_keys')
    .set({ answer: answer.sealed, key_version: answer.keyVersion })
    .where('account_id', '=', scope.accountId)
    .where('customer_scope', '=', scope.customerScope)
    .where('operation', '=', scope.operation)
    .where('key', '=', scope.key)
    .execute()
}

function whereScope(tx: Tx, scope: IdempotencyScope) {
  return tx
    .selectFrom('idempotency_keys')
    .where('account_id', '=', scope.accountId)
    .where('customer_scope', '=', scope.customerScope)
    .where('operation', '=', scope.operation)
    .where('key', '=', scope.key)
}
