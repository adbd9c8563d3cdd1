import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { WEBHOOK_LIVE_SECRETS_MAX } from '../domain/webhook-secret.ts'
import type { Tx } from './client.ts'

/** A secret as it is kept: sealed for its own row. */
export type SealedSecret = { id: string; sealed: Buffer; keyVersion: number }

type WebhookKey = { accountId: string; webhookId: string }

/** The current secret of a new endpoint. */
export async function insertWebhookSecret(
  tx: Tx,
  key: WebhookKey,
  secret: SealedSecret,
): Promise<void> {
  await tx
    .insertInto('webhook_secrets')
    .values({
      id: secret.id,
      account_id: key.accountId,
      webhook_id: key.webhookId,
      sealed: secret.sealed,
      key_version: secret.keyVersion,
    })
    .execute()
}

/**
 * Makes another secret the current one. Those before it go on signing for `overlapSeconds` of real
 * time at most, and never longer than they were to; 0 ends them all at once. Answers when the last
 * of them ends. Throws `invalid_fields` when too many would sign at the same time. The caller has
 * locked the endpoint.
 */
export async function rotateWebhookSecret(
  tx: Tx,
  key: WebhookKey,
  secret: SealedSecret,
  overlap: { seconds: number; signsWith: 'old' | 'new' },
): Promise<Date> {
  const { rows } = await sql<{ ends_at: Date; live: boolean }>`
    update webhook_secrets
    set expires_at = least(expires_at, clock_timestamp() + ${overlap.seconds} * interval '1 second')
    where account_id = ${key.accountId} and webhook_id = ${key.webhookId}
      and (expires_at is null or expires_at > clock_timestamp())
    returning expires_at as ends_at, expires_at > clock_timestamp() as live`.execute(tx)
  if (rows.filter((row) => row.live).length >= WEBHOOK_LIVE_SECRETS_MAX) {
    throw new DomainError(
      'invalid_fields',
      `${WEBHOOK_LIVE_SECRETS_MAX} secrets of this webhook sign already: a rotation with overlap_seconds 0 ends the old ones.`,
      { fields: [{ field: 'overlap_seconds', message: 'Too many secrets would be live' }] },
    )
  }
  await insertWebhookSecret(tx, key, secret)
  await tx
    .updateTable('webhooks')
    .set({ rotation_signs_with: overlap.signsWith, updated_at: sql<Date>`clock_timestamp()` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .execute()
  return new Date(Math.max(...rows.map((row) => row.ends_at.getTime())))
}
