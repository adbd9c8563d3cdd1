import type { Tx } from '../../../db/client.ts'
import type { SealedSecret } from '../../../db/webhook-secrets.ts'
import { lockWebhook, type WebhookRow } from '../../../db/webhooks.ts'
import { DomainError } from '../../../domain/error.ts'
import { newId } from '../../../new-id.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import type { ApiDeps } from '../../deps.ts'
import { requireId } from '../../fields.ts'
import type { Caller } from '../../route.ts'

export type WebhookKey = { accountId: string; webhookId: string }

/**
 * Names a webhook of the caller's account. Webhooks belong to the account: a key that is bound to a
 * customer has none.
 *
 * @throws DomainError `forbidden_scope`, `not_found`
 */
export function webhookKey(caller: Caller, id: string): WebhookKey {
  refuseBoundKey(caller)
  return { accountId: caller.accountId, webhookId: requireId('webhook', id) }
}

/**
 * Locks a webhook that is to send something: nobody switches it off meanwhile.
 *
 * @throws DomainError `not_found`, `webhook_inactive`
 */
export async function lockActiveWebhook(tx: Tx, key: WebhookKey): Promise<WebhookRow> {
  const row = await lockWebhook(tx, key)
  if (!row.active) throw new DomainError('webhook_inactive', 'This webhook is switched off.')
  return row
}

/** Encrypts a secret for the row that will keep it. */
export async function sealSecret(
  { keyRing }: ApiDeps,
  { accountId }: Pick<WebhookKey, 'accountId'>,
  secret: string,
): Promise<SealedSecret> {
  const id = newId('webhookSecret')
  const keys = await keyRing.forSealing(accountId)
  return { id, ...keys.seal(id, secret) }
}
