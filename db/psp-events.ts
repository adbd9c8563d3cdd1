import { sql } from 'kysely'
import type { Db, Tx } from './client.ts'

/** What a provider told, as far as it says what it is about. */
export type PspEventFacts = {
  provider: 'sandbox' | 'stripe'
  id: string
  type: string
  provider_account: string | null
  payment_provider_id: string | null
  payment_id: string | null
  refund_id: string | null
  dispute_provider_id: string | null
  /** False for kinds that nothing is done about: they are kept all the same. */
  wanted: boolean
}

/**
 * Keeps an event once by its id, as it came, and lets the story look that it is about; one whose
 * story is not known yet is parked and tried again. One statement. Safe to repeat.
 */
export async function storePspEvent(
  db: Db,
  facts: PspEventFacts,
  payload: Buffer,
): Promise<'matched' | 'parked' | 'ignored'> {
  const { rows } = await sql<{ state: 'matched' | 'parked' | 'ignored' }>`
    select store_psp_event(${JSON.stringify(facts)}::jsonb, ${payload}) as state`.execute(db)
  const state = rows[0]?.state
  if (state === undefined) throw new Error(`The event ${facts.id} was not kept`)
  return state
}

/** Events that came before the provider's name of their payment was known. Safe to repeat. */
export async function routeParkedEvents(
  db: Db,
  key: { accountId: string; paymentId: string },
): Promise<void> {
  await sql`select route_parked_events(${key.accountId}, ${key.paymentId})`.execute(db)
}

/** Looks once more whose the parked events are, `max` of them at most. Safe to repeat. */
export async function sweepPspEvents(tx: Tx, max: number): Promise<void> {
  await sql`select sweep_psp_events(${max})`.execute(tx)
}
