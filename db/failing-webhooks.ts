import { sql } from 'kysely'
import type { Db } from './client.ts'

/** An endpoint to which nothing gets through, or that was switched off because of it. */
export type FailingWebhook = {
  account_id: string
  id: string
  url: string
  /** Business time of the first failure since the last success. */
  failing_since: Date | null
  failing_seconds: number
  /** Deliveries that used up their six attempts since then. */
  exhausted_count: number
  disabled_reason: 'endpoint_gone' | 'only_failures' | null
  /** Deliveries that are still tried. */
  pending_count: number
  /** How the newest attempt ended: `HTTP 500`, `timeout`. */
  last_answer: string | null
}

/** Fewer seconds than this may be a deploy of the merchant's. */
export const FAILING_SECONDS_MIN = 600
const FAILING_LISTED_MAX = 100

/**
 * The endpoints of all accounts that have only failed for a while, the longest first, at most 100:
 * for operators, who look after every account. With `accountId` those of one account.
 */
export async function listFailingWebhooks(
  db: Db,
  filter: { accountId?: string; secondsMin?: number } = {},
): Promise<FailingWebhook[]> {
  const { rows } = await sql<FailingWebhook>`
    select w.account_id, w.id, w.url, w.failing_since, w.exhausted_count, w.disabled_reason,
      floor(extract(epoch from business_now(w.account_id) - w.failing_since))::float8
        as failing_seconds,
      (select count(*) from deliveries d where d.account_id = w.account_id
        and d.webhook_id = w.id and d.state = 'pending')::integer as pending_count,
      (select concat_ws(', ', 'HTTP ' || a.status_code, a.error) from deliveries d
        join attempts a on a.account_id = d.account_id and a.delivery_id = d.id
          and a.state = 'failed'
        where d.account_id = w.account_id and d.webhook_id = w.id
        order by a.started_at desc limit 1) as last_answer
    from webhooks w
    where w.failing_since is not null and w.deleted_at is null
      and (w.active or w.disabled_at is not null)
      and w.account_id = coalesce(${filter.accountId ?? null}, w.account_id)
      and business_now(w.account_id) - w.failing_since
        >= ${filter.secondsMin ?? FAILING_SECONDS_MIN} * interval '1 second'
    order by failing_seconds desc, w.id limit ${FAILING_LISTED_MAX}`.execute(db)
  return rows
}
