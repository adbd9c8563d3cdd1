import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { Webhooks } from './tables.ts'

/** What merchants keep with a webhook: flat, ours to store and echo only. */
type Metadata = Record<string, string | number | boolean | null>

/** `metadata` has this form because only `insertWebhook` and `updateWebhook` write it. */
export type WebhookRow = Omit<Selectable<Webhooks>, 'metadata'> & { metadata: Metadata }

type WebhookKey = { accountId: string; webhookId: string }

export type NewWebhook = {
  id: string
  accountId: string
  url: string
  events: string[]
  description: string
  metadata: Metadata
  active: boolean
  perSecondMax: number | null
  inFlightMax?: number
}

/** Every endpoint gets one delivery of every event that it wants: their number bounds the fan-out. */
export const WEBHOOKS_PER_ACCOUNT_MAX = 100

/** Throws `invalid_fields` when the account has as many endpoints as it may have. */
export async function insertWebhook(tx: Tx, webhook: NewWebhook): Promise<WebhookRow> {
  const { total } = await tx
    .selectFrom('webhooks')
    .select((query) => query.fn.countAll<bigint>().as('total'))
    .where('account_id', '=', webhook.accountId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (total >= WEBHOOKS_PER_ACCOUNT_MAX) {
    throw new DomainError(
      'invalid_fields',
      `An account has ${WEBHOOKS_PER_ACCOUNT_MAX} webhooks at most: delete one first.`,
    )
  }
  return tx
    .insertInto('webhooks')
    .values({
      id: webhook.id,
      account_id: webhook.accountId,
      url: webhook.url,
      events: webhook.events,
      description: webhook.description,
      metadata: JSON.stringify(webhook.metadata),
      active: webhook.active,
      per_second_max: webhook.perSecondMax,
      in_flight_max: webhook.inFlightMax,
    })
    .returningAll()
    .$castTo<WebhookRow>()
    .executeTakeFirstOrThrow()
}

function selectWebhook(db: Db, key: WebhookKey) {
  return db
    .selectFrom('webhooks')
    .selectAll()
    .$castTo<WebhookRow>()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .where('deleted_at', 'is', null)
}

/** Throws `not_found`, also for a deleted one. */
export async function getWebhook(db: Db, key: WebhookKey): Promise<WebhookRow> {
  const row = await selectWebhook(db, key).executeTakeFirst()
  if (row === undefined) throw notFound()
  return row
}

/** The same, locked: whoever changes it or claims an attempt for it waits. */
export async function lockWebhook(tx: Tx, key: WebhookKey): Promise<WebhookRow> {
  const row = await selectWebhook(tx, key).forNoKeyUpdate().executeTakeFirst()
  if (row === undefined) throw notFound()
  return row
}

/** The account's endpoints, newest first. */
export async function listWebhooks(
  db: Db,
  accountId: string,
  filter: { active?: boolean },
  page: PageRequest,
): Promise<RowsPage<WebhookRow>> {
  let query = db
    .selectFrom('webhooks')
    .selectAll()
    .$castTo<WebhookRow>()
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
  if (filter.active !== undefined) query = query.where('active', '=', filter.active)
  return listPage(db, query, newestFirst(), page)
}

/** Fields that are left out stay as they are. */
export type WebhookChange = {
  url?: string
  events?: string[]
  description?: string
  metadata?: Metadata
  active?: boolean
  perSecondMax?: number | null
  inFlightMax?: number
}

/**
 * Changes an endpoint. Switching it off ends its open deliveries as cancelled (each is woken and
 * sees it); switching it on again forgets why it was disabled. Other limits hold at once, also for
 * deliveries that wait because of the old ones. `before` is the locked row.
 */
export async function updateWebhook(
  tx: Tx,
  before: WebhookRow,
  change: WebhookChange,
): Promise<WebhookRow> {
  const key = { accountId: before.account_id, webhookId: before.id }
  const row = await tx
    .updateTable('webhooks')
    .set({
      url: change.url,
      events: change.events,
      description: change.description,
      metadata: change.metadata === undefined ? undefined : JSON.stringify(change.metadata),
      active: change.active,
      per_second_max: change.perSecondMax,
      in_flight_max: change.inFlightMax,
      ...(change.active === true && !before.active
        ? { disabled_at: null, disabled_reason: null, failing_since: null, exhausted_count: 0 }
        : {}),
      version: before.version + 1,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .returningAll()
    .$castTo<WebhookRow>()
    .executeTakeFirstOrThrow()
  if (before.active && !row.active) await wakeDeliveries(tx, key, 'the endpoint was switched off')
  const hasOtherLimits =
    before.per_second_max !== row.per_second_max || before.in_flight_max !== row.in_flight_max
  if (hasOtherLimits) await releaseHeldDeliveries(tx, key)
  return row
}

/** Hides an endpoint for ever and ends its open deliveries. Repeatable; throws `not_found`. */
export async function deleteWebhook(tx: Tx, key: WebhookKey): Promise<void> {
  const row = await tx
    .selectFrom('webhooks')
    .select('deleted_at')
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (row === undefined) throw notFound()
  if (row.deleted_at !== null) return
  await tx
    .updateTable('webhooks')
    .set({ deleted_at: sql<Date>`clock_timestamp()`, updated_at: sql<Date>`clock_timestamp()` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .execute()
  await wakeDeliveries(tx, key, 'the endpoint was deleted')
}

export type DisabledReason = 'endpoint_gone' | 'only_failures'

/**
 * Switches an endpoint off because of what it answered, and ends its open deliveries. Answers the
 * row, or null when it was off already. Safe to repeat.
 */
export async function disableWebhook(
  tx: Tx,
  key: WebhookKey & { reason: DisabledReason },
): Promise<WebhookRow | null> {
  const row = await tx
    .updateTable('webhooks')
    .set((now) => ({
      active: false,
      disabled_at: sql<Date>`business_now(account_id)`,
      disabled_reason: key.reason,
      version: now('version', '+', 1),
      updated_at: sql<Date>`clock_timestamp()`,
    }))
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .where('active', '=', true)
    .where('deleted_at', 'is', null)
    .returningAll()
    .$castTo<WebhookRow>()
    .executeTakeFirst()
  if (row === undefined) return null
  await wakeDeliveries(tx, key, `the endpoint was disabled: ${key.reason}`)
  return row
}

/** The number of the next event about this endpoint. */
export async function nextWebhookSequence(tx: Tx, key: WebhookKey): Promise<number> {
  const { event_sequence: sequence } = await tx
    .updateTable('webhooks')
    .set((row) => ({ event_sequence: row('event_sequence', '+', 1) }))
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.webhookId)
    .returning('event_sequence')
    .executeTakeFirstOrThrow()
  return sequence
}

async function wakeDeliveries(tx: Tx, key: WebhookKey, reason: string): Promise<void> {
  await sql`select wake_deliveries(${key.accountId}, ${key.webhookId}, ${reason})`.execute(tx)
}

async function releaseHeldDeliveries(tx: Tx, key: WebhookKey): Promise<void> {
  await sql`select release_held_deliveries(${key.accountId}, ${key.webhookId})`.execute(tx)
}

function notFound(): DomainError {
  return new DomainError('not_found', 'No such webhook.')
}
