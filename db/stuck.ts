import { sql } from 'kysely'
import type { WorkflowType } from '../domain/story.ts'
import type { Db } from './client.ts'
import { listFailingWebhooks } from './failing-webhooks.ts'

/** Something that does not go on by itself, or hardly: a person should look. */
export type Stuck = {
  kind: 'story' | 'unit_in_doubt' | 'command' | 'webhook' | 'mail' | 'supplier' | 'ledger'
  accountId: string
  /** Public id of the thing. */
  id: string
  /** The story whose workflow shows more: its type and the ids of its workflow id; null without. */
  workflow: { type: WorkflowType; subject: Record<string, string | number> } | null
  /** Real time, or the account's business time where the thing lives by it; null when unknown. */
  since: Date | null
  reason: string
}

const LISTED_MAX = 100 // of each kind: who has more has one cause

/** A unit in doubt for less is still asked about at short intervals. */
const DOUBT_SECONDS_MIN = 3_600
const MAIL_SECONDS_MIN = 300

/** What waits for a person in every account, kind by kind, the oldest first. For operators. */
export async function listStuck(db: Db): Promise<Stuck[]> {
  const { rows } = await sql<Omit<Stuck, 'accountId'> & { account_id: string }>`
    (select 'story' as kind, w.account_id, w.story_id as id,
      jsonb_build_object('type', w.workflow, 'subject', w.subject) as workflow,
      w.created_at as since, w.reason
    from waits w where w.needs_person order by w.created_at limit ${LISTED_MAX})
    union all
    (select 'unit_in_doubt', a.account_id, a.unit_id,
      jsonb_build_object('type', 'fulfillTransaction',
        'subject', jsonb_build_object('transaction_id', a.transaction_id)),
      a.unknown_at, s.name || ' may have sold it under ' || a.reference || '; last answer: '
        || coalesce(a.last_answer, 'none')
        || case when a.ask_at is null then '; not asked any more' else '' end
    from sourcing_attempts a join suppliers s on s.account_id = a.account_id and s.id = a.supplier_id
    where a.state = 'unknown'
      and a.unknown_at < business_now(a.account_id) - ${DOUBT_SECONDS_MIN} * interval '1 second'
    order by a.unknown_at limit ${LISTED_MAX})
    union all
    (select 'command', o.account_id, o.id::text,
      jsonb_build_object('type', o.workflow, 'subject', o.subject), o.parked_at,
      'Temporal refused to ' || case o.verb when 'start' then 'start it' else 'wake it' end || ': '
        || coalesce(o.last_error, 'it did not say why')
    from outbox o where o.parked_at is not null order by o.parked_at limit ${LISTED_MAX})
    union all
    (select 'mail', m.account_id, m.id, null, m.created_at,
      'not sent: ' || coalesce(m.last_error, 'no answer yet')
    from mails m where m.sent_at is null
      and m.created_at < clock_timestamp() - ${MAIL_SECONDS_MIN} * interval '1 second'
    order by m.created_at limit ${LISTED_MAX})
    union all
    (select 'supplier', s.account_id, s.id, null, s.breaker_opened_at,
      s.name || ' does not answer (' || s.breaker_reason || '); '
        || (select count(*) from units u
            join supplier_skus ss on ss.account_id = u.account_id and ss.product_id = u.product_id
              and ss.variant_id = u.variant_id and ss.supplier_id = s.id
            where u.account_id = s.account_id
              and u.state in ('queued', 'backordered', 'sourcing', 'unknown'))
        || ' open units are of what it sells'
    from suppliers s where s.breaker_opened_at is not null
    order by s.breaker_opened_at limit ${LISTED_MAX})
    union all
    (select 'ledger', r.account_id, r.id, jsonb_build_object('type', 'reconcileLedger', 'subject',
        jsonb_build_object('ledger_reconciliation_id', r.id)), r.created_at,
      'do not hold: ' || (select string_agg(line ->> 'name', ', ') from
        jsonb_array_elements(r.lines) line where (line ->> 'differences')::integer > 0)
    from (select distinct on (account_id) * from ledger_reconciliations where ended_at is not null
      order by account_id, created_at desc) r
    where r.differing > 0 order by r.created_at limit ${LISTED_MAX})`.execute(db)
  const webhooks = await listFailingWebhooks(db)
  return [
    ...rows.map(({ account_id: accountId, ...row }) => ({ ...row, accountId })),
    ...webhooks.map((one): Stuck => ({
      kind: 'webhook',
      accountId: one.account_id,
      id: one.id,
      workflow: null,
      since: one.failing_since,
      reason:
        `${one.url} ${one.disabled_reason === null ? 'only fails' : 'is switched off'}: ` +
        `${one.last_answer ?? 'no answer'}; ${one.pending_count} deliveries are open, ` +
        `${one.exhausted_count} were given up`,
    })),
  ]
}
