import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { RegisteredWait } from '../domain/story.ts'
import type { DeliveryKey } from './attempts.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import { instantOf, type Moment } from './moment.ts'
import type { Deliveries } from './tables.ts'
import { registerWait } from './waits.ts'

export type DeliveryState = Selectable<Deliveries>['state']

/** A delivery with its event's type and its last attempt, as lists show it. */
export type DeliveryRow = Pick<
  Selectable<Deliveries>,
  | 'id'
  | 'webhook_id'
  | 'event_id'
  | 'state'
  | 'reason'
  | 'cause'
  | 'copy_of'
  | 'attempt_count'
  | 'next_attempt_at'
  | 'sending_since'
  | 'throttled_until'
  | 'created_at'
  | 'ended_at'
> & { event_type: string; last_status: number | null; last_error: string | null }

type WebhookKey = { accountId: string; webhookId: string }

export type DeliveryFilter = {
  state?: DeliveryState
  eventType?: string
  eventId?: string
  createdFrom?: Moment
  createdBefore?: Moment
}

/** The deliveries of one endpoint, newest first. */
export async function listDeliveries(
  db: Db,
  key: WebhookKey,
  filter: DeliveryFilter,
  page: PageRequest,
): Promise<RowsPage<DeliveryRow>> {
  let query = selectDeliveries(db, key.accountId).where('deliveries.webhook_id', '=', key.webhookId)
  if (filter.state !== undefined) query = query.where('deliveries.state', '=', filter.state)
  if (filter.eventType !== undefined) query = query.where('events.type', '=', filter.eventType)
  if (filter.eventId !== undefined) query = query.where('deliveries.event_id', '=', filter.eventId)
  if (filter.createdFrom !== undefined) {
    const from = instantOf(filter.createdFrom, key.accountId)
    query = query.where('deliveries.created_at', '>=', from)
  }
  if (filter.createdBefore !== undefined) {
    const before = instantOf(filter.createdBefore, key.accountId)
    query = query.where('deliveries.created_at', '<', before)
  }
  return listPage(db, query, newestFirst('deliveries'), page)
}

/** One delivery of one endpoint. Throws `not_found`. */
export async function getDelivery(
  db: Db,
  key: WebhookKey & { deliveryId: string },
): Promise<DeliveryRow> {
  const row = await selectDeliveries(db, key.accountId)
    .where('deliveries.webhook_id', '=', key.webhookId)
    .where('deliveries.id', '=', key.deliveryId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such delivery.')
  return row
}

function selectDeliveries(db: Db, accountId: string) {
  return db
    .selectFrom('deliveries')
    .innerJoin('events', (join) =>
      join
        .onRef('events.account_id', '=', 'deliveries.account_id')
        .onRef('events.id', '=', 'deliveries.event_id'),
    )
    .where('deliveries.account_id', '=', accountId)
    .select([
      'deliveries.id',
      'deliveries.webhook_id',
      'deliveries.event_id',
      'deliveries.state',
      'deliveries.reason',
      'deliveries.cause',
      'deliveries.copy_of',
      'deliveries.attempt_count',
      'deliveries.next_attempt_at',
      'deliveries.sending_since',
      'deliveries.throttled_until',
      'deliveries.created_at',
      'deliveries.ended_at',
      'events.type as event_type',
    ])
    .select([
      lastAttempt<number | null>('status_code').as('last_status'),
      lastAttempt<string | null>('error').as('last_error'),
    ])
}

/** A column of the newest attempt; a scalar, so that the query stays one of plain tables. */
function lastAttempt<Value>(column: 'status_code' | 'error') {
  return sql<Value>`(select ${sql.ref(column)} from attempts
    where account_id = deliveries.account_id and delivery_id = deliveries.id
    order by number desc limit 1)`
}

/** Why a delivery is made that the event's own fan-out did not make. */
export type CopyCause = 'resend' | 'recovery'

/**
 * Sends the events of earlier deliveries again: one new delivery each, with the commands to start
 * them, in one statement. Answers the new ids. `recovery` is once per delivery for ever, so a
 * repeat makes only what is missing.
 */
export async function insertDeliveryCopies(
  tx: Tx,
  key: WebhookKey & { deliveryIds: readonly string[]; cause: CopyCause },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with made as (
      insert into deliveries (id, account_id, webhook_id, event_id, cause, copy_of, next_attempt_at,
        created_at)
      select new_id('dlv'), account_id, webhook_id, event_id, ${key.cause}, id,
        business_now(account_id), business_now(account_id)
      from deliveries
      where account_id = ${key.accountId} and webhook_id = ${key.webhookId}
        and id = any(${[...key.deliveryIds]}::text[])
      order by created_at, id
      on conflict (copy_of) where cause = 'recovery' do nothing
      returning id, account_id, webhook_id, event_id
    ), started as (${startDeliveries})
    select id from made`.execute(tx)
  return rows.map((row) => row.id)
}

/** A delivery of one event to one endpoint that asked for a test. Answers its id. */
export async function insertTestDelivery(
  tx: Tx,
  key: WebhookKey & { eventId: string },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with made as (
      insert into deliveries (id, account_id, webhook_id, event_id, cause, next_attempt_at, created_at)
      select new_id('dlv'), account_id, ${key.webhookId}, id, 'test', occurred_at, occurred_at
      from events where account_id = ${key.accountId} and id = ${key.eventId}
      returning id, account_id, webhook_id, event_id
    ), started as (${startDeliveries})
    select id from made`.execute(tx)
  const [row] = rows
  if (row === undefined) throw new Error(`No event ${key.eventId} to test with`)
  return row.id
}

/** The outbox rows for deliveries that a statement has `made`: the subject that `emit_event` writes. */
export const startDeliveries = sql`
  insert into outbox (account_id, verb, workflow, subject, priority)
  select made.account_id, 'start', 'deliverWebhook', jsonb_build_object('delivery_id', made.id,
    'webhook_id', made.webhook_id, 'event_type', e.type), 4
  from made join events e on e.account_id = made.account_id and e.id = made.event_id`

/** Ends an open delivery by an operator's wish. Answers whether it was open. Safe to repeat. */
export async function cancelDelivery(tx: Tx, key: DeliveryKey): Promise<boolean> {
  const updated = await tx
    .updateTable('deliveries')
    .set({
      state: 'cancelled',
      reason: 'cancelled_by_operator',
      ended_at: sql<Date>`greatest(business_now(account_id), created_at)`,
      sending_since: null,
      throttled_until: null,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.deliveryId)
    .where('state', '=', 'pending')
    .executeTakeFirst()
  return updated.numUpdatedRows === 1n
}

/** Makes the next attempt of an open delivery due now. Answers whether it is open. Safe to repeat. */
export async function hastenDelivery(tx: Tx, key: DeliveryKey): Promise<boolean> {
  const updated = await tx
    .updateTable('deliveries')
    .set({
      next_attempt_at: sql<Date>`least(next_attempt_at, greatest(business_now(account_id), created_at))`,
      throttled_until: null,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.deliveryId)
    .where('state', '=', 'pending')
    .executeTakeFirst()
  return updated.numUpdatedRows === 1n
}

/** Writes until when a delivery waits: see `registerWait`. */
export async function registerDeliveryWait(
  tx: Tx,
  key: DeliveryKey,
  wait: { dueAt: Date; reason: string },
): Promise<RegisteredWait> {
  return registerWait(tx, {
    ...wait,
    accountId: key.accountId,
    storyId: key.deliveryId,
    workflow: 'deliverWebhook',
    subject: { delivery_id: key.deliveryId },
  })
}
