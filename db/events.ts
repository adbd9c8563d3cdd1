import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { EventType } from '../domain/event-type.ts'
import type { OrderMoney, UnitCounts } from '../domain/order-status.ts'
import type { Db, Tx } from './client.ts'
import { listPage, type PageRequest, type Position, type RowsPage } from './keyset.ts'
import type { TransactionFacts } from './transactions.ts'

/** What an event keeps of its object: of an order what changes, of everything else all of it. */
export type EventFacts =
  | {
      units: UnitCounts
      money?: OrderMoney
      purchase_order_state?: 'open' | 'settling' | 'invoiced' | 'settled'
    }
  | { object: Record<string, unknown> }

/** A fact to be told: written in the transaction of the change that it tells of. */
export type NewEvent = {
  accountId: string
  type: EventType
  objectId: string
  /** 1, 2, 3 … per object: the caller takes it from the counter on the object's own row. */
  sequence: number
  /** Whose bound keys may read it; null for what concerns the account only. */
  customerId: string | null
  /** `{object}` as the API prints it now, or what `wire/event.ts` makes an order of. */
  facts: EventFacts
  /** Business time; the account's present business time when left out. */
  at?: Date
}

/**
 * Writes an event, one delivery for each endpoint that wants it and the command to start each.
 * Not repeatable by itself: (object, sequence) is unique, so a second call of the same one throws.
 */
export async function emitEvent(tx: Tx, event: NewEvent): Promise<string> {
  const at =
    event.at === undefined ? sql`business_now(${event.accountId})` : sql`${event.at}::timestamptz`
  const { rows } = await sql<{ id: string }>`
    with made as materialized (select new_id('evt') as id)
    select made.id, emit_event(${event.accountId}, made.id, ${event.type}, ${event.objectId},
      ${event.sequence}, ${event.customerId}, ${JSON.stringify(event.facts)}::jsonb, ${at})
    from made`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error('PostgreSQL made no event')
  return row.id
}

/**
 * The sequence of the next event about an object that keeps no counter of its own. The caller holds
 * the object's lock.
 */
export async function nextSequence(tx: Tx, accountId: string, objectId: string): Promise<number> {
  const last = await tx
    .selectFrom('events')
    .select((each) => each.fn.max('sequence').as('sequence'))
    .where('account_id', '=', accountId)
    .where('object_id', '=', objectId)
    .executeTakeFirst()
  return (last?.sequence ?? 0) + 1
}

/** Whose events: of the account, or with `customerId` only those about one customer. */
export type EventOwner = { accountId: string; customerId: string | null }

/** An event with what it takes to print it: see `renderEvent`. */
export type StoredEvent = {
  id: string
  type: string
  object_id: string
  sequence: number
  facts: EventFacts
  occurred_at: Date
  /** The immutable rows of the transaction that it is about; null for everything else. */
  transaction: TransactionFacts | null
  /** Where it stands in the commit order: a walk goes on after it. */
  position: string[]
}

/**
 * Events in the order in which their transactions committed, the oldest first. What is not yet
 * certain to come in order (a transaction that began earlier and still runs) is held back, so a
 * walk that goes on from its last position never misses one.
 */
export async function listEvents(
  db: Db,
  owner: EventOwner,
  filter: { type?: string; objectId?: string },
  page: PageRequest,
): Promise<RowsPage<StoredEvent>> {
  let query = selectEvents(db, owner).where(
    sql<boolean>`events.xid < pg_snapshot_xmin(pg_current_snapshot())`,
  )
  if (filter.type !== undefined) query = query.where('type', '=', filter.type)
  if (filter.objectId !== undefined) query = query.where('object_id', '=', filter.objectId)
  const columns = [
    { value: sql.ref('events.xid'), type: 'xid8' },
    { value: sql.ref('events.id'), type: 'text' },
  ] as const
  return listPage(db, query, { columns, descending: false }, page)
}

/**
 * The present end of the commit order: a walk that starts here sees every event whose transaction had
 * not ended yet, and none that is listed already.
 */
export async function getEventsEnd(db: Db): Promise<Position> {
  const { rows } = await sql<{ position: string[] }>`
    select array[pg_snapshot_xmin(pg_current_snapshot())::text, ''] as position`.execute(db)
  return rows[0]?.position ?? []
}

/** Throws `not_found`. */
export async function getEvent(db: Db, owner: EventOwner, eventId: string): Promise<StoredEvent> {
  const row = await selectEvents(db, owner).where('id', '=', eventId).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such event.')
  return row
}

function selectEvents(db: Db, owner: EventOwner) {
  let query = db
    .selectFrom('events')
    .where('account_id', '=', owner.accountId)
    .select(['id', 'type', 'object_id', 'sequence', 'occurred_at'])
    .select([
      sql<EventFacts>`facts`.as('facts'),
      sql<TransactionFacts | null>`case when object_id like 'txn\\_%'
        then transaction_facts(account_id, object_id) end`.as('transaction'),
      sql<string[]>`array[xid::text, id]`.as('position'),
    ])
  if (owner.customerId !== null) query = query.where('customer_id', '=', owner.customerId)
  return query
}
