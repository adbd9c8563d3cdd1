import { sql } from 'kysely'
import type { Tx } from './client.ts'
import { insertDeliveryCopies, startDeliveries } from './deliveries.ts'

/** How many deliveries one call makes; whoever has more calls again. */
export const RECOVERY_BATCH_MAX = 1_000
/** How far back a recovery reaches. */
export const RECOVERY_DAYS_MAX = 30

export type Recovered = { created: number; hasMore: boolean }

type Reach = { accountId: string; webhookId: string; since: Date }

/**
 * Sends again what failed, or was cancelled because of its endpoint, since an instant of business
 * time, the oldest first: a batch of new deliveries. Never twice: of several that failed with one event
 * the newest is recovered, once, and not when the event reached the endpoint otherwise or is on its way
 * there. Call again while there is more; a call that was interrupted leaves nothing half done. The
 * caller has locked the endpoint.
 */
export async function recoverDeliveries(tx: Tx, reach: Reach): Promise<Recovered> {
  const { rows } = await sql<{ id: string }>`
    select d.id from deliveries d
    where d.account_id = ${reach.accountId} and d.webhook_id = ${reach.webhookId}
      and d.created_at >= ${reach.since} and ${isLost('d')}
      and not exists (select 1 from deliveries copy
        where copy.copy_of = d.id and copy.cause = 'recovery')
      and not exists (select 1 from deliveries other
        where other.account_id = d.account_id and other.event_id = d.event_id
          and other.webhook_id = d.webhook_id
          and (other.state in ('pending', 'delivered')
            or ${isLost('other')} and (other.created_at, other.id) > (d.created_at, d.id)))
    order by d.created_at, d.id limit ${RECOVERY_BATCH_MAX + 1}`.execute(tx)
  const deliveryIds = rows.slice(0, RECOVERY_BATCH_MAX).map((row) => row.id)
  const made = await insertDeliveryCopies(tx, { ...reach, deliveryIds, cause: 'recovery' })
  return { created: made.length, hasMore: rows.length > RECOVERY_BATCH_MAX }
}

/** What an operator ended is not lost: somebody did not want it. */
function isLost(delivery: string) {
  const state = sql.ref(`${delivery}.state`)
  const reason = sql.ref(`${delivery}.reason`)
  return sql`(${state} = 'failed'
    or ${state} = 'cancelled' and ${reason} is distinct from 'cancelled_by_operator')`
}

/**
 * Delivers the events since an instant that the endpoint now wants and never got a delivery of:
 * those from before it existed, or while it was switched off. Otherwise like `recoverDeliveries`.
 */
export async function replayMissingEvents(tx: Tx, reach: Reach): Promise<Recovered> {
  const { rows } = await sql<{ id: string }>`
    select e.id from events e
    join event_types t on t.type = e.type
    join webhooks w on w.account_id = e.account_id and w.id = ${reach.webhookId}
    where e.account_id = ${reach.accountId} and e.occurred_at >= ${reach.since}
      and webhook_wants(w.events, e.type, t.additive)
      and not exists (select 1 from deliveries d
        where d.account_id = e.account_id and d.event_id = e.id and d.webhook_id = w.id)
    order by e.xid, e.id limit ${RECOVERY_BATCH_MAX + 1}`.execute(tx)
  const eventIds = rows.slice(0, RECOVERY_BATCH_MAX).map((row) => row.id)
  const made = await sql<{ id: string }>`
    with made as (
      insert into deliveries (id, account_id, webhook_id, event_id, cause, next_attempt_at, created_at)
      select new_id('dlv'), account_id, ${reach.webhookId}, id, 'replay',
        business_now(account_id), business_now(account_id)
      from events where account_id = ${reach.accountId} and id = any(${eventIds}::text[])
      on conflict (event_id, webhook_id) where cause in ('event', 'replay') do nothing
      returning id, account_id, webhook_id, event_id
    ), started as (${startDeliveries})
    select id from made`.execute(tx)
  return { created: made.rows.length, hasMore: rows.length > RECOVERY_BATCH_MAX }
}
