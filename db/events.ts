import { sql } from 'kysely'
import type { EventType } from '../domain/event-type.ts'
import type { UnitCounts } from '../domain/order-status.ts'
import type { Tx } from './client.ts'

/** What an event keeps of its object: of an order what changes, of everything else all of it. */
export type EventFacts =
  | { units: UnitCounts; purchase_order_state?: 'open' | 'settling' | 'invoiced' | 'settled' }
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
