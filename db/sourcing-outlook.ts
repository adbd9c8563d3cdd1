import { sql } from 'kysely'
import type { SupplierProgress } from '../domain/sourcing-report.ts'
import { OPEN_ATTEMPT_STATES } from '../domain/sourcing.ts'
import type { Tx } from './client.ts'
import { offersOf, type TransactionKey } from './sourcing.ts'

export type SourcingOutlook = {
  suppliers: SupplierProgress[]
  /** Units that nobody has and that an active supplier sells. */
  sellable: number
  /** Business time of the next question or purchase; null when nothing is planned. */
  nextAt: Date | null
}

type OutlookRow = Omit<
  SupplierProgress,
  'waitingSince' | 'nextAt' | 'notAsked' | 'notBefore' | 'notSold' | 'lastAnswer'
> & {
  not_sold: number
  last_answer: string | null
  waiting_since: Date | null
  next_at: Date | null
  breaker_reason: string | null
  not_before: Date | null
  sellable: number
}

/**
 * What sourcing will do next for a transaction and how far it has come, in business time. Nothing is
 * bought from `deadlineAt` on, so what would be asked for then is no plan. Changes nothing.
 */
export async function getSourcingOutlook(
  tx: Tx,
  key: TransactionKey,
  { now, deadlineAt }: { now: Date; deadlineAt: Date },
): Promise<SourcingOutlook> {
  const open = sql`a.state = any(${OPEN_ATTEMPT_STATES})`
  const { rows } = await sql<OutlookRow>`
    with offers as materialized (${offersOf(key, now)}),
    offered as (
      select o.supplier_id, min(o.ask_at) filter (where o.ask_at < ${deadlineAt}) as next_at
      from offers o group by o.supplier_id),
    asked as (
      select a.supplier_id, count(distinct a.unit_id)::integer as asked,
        count(*) filter (where a.state = 'delivered')::integer as delivered,
        count(*) filter (where a.state in ('placing', 'processing'))::integer as processing,
        count(*) filter (where a.state = 'unknown')::integer as unknown,
        count(*) filter (where a.state = 'unknown' and a.ask_at is null)::integer as stuck,
        count(distinct o.unit_id)::integer as not_sold,
        min(a.asked_at) filter (where ${open} or o.unit_id is not null) as waiting_since,
        (array_agg(a.last_answer order by a.updated_at desc, a.id desc)
          filter (where a.last_answer is not null))[1] as last_answer,
        min(greatest(case when a.state = 'placing' then ${now} else a.ask_at end,
            ${now}::timestamptz + (a.leased_until - clock_timestamp()), s.breaker_probe_at))
          filter (where a.state = 'placing' or a.ask_at is not null and ${open}) as next_at
      from sourcing_attempts a join suppliers s on s.account_id = a.account_id and s.id = a.supplier_id
      left join offers o on o.unit_id = a.unit_id and o.supplier_id = a.supplier_id
      where a.account_id = ${key.accountId} and a.transaction_id = ${key.transactionId}
      group by a.supplier_id)
    select s.name, s.breaker_reason, q.last_answer, q.waiting_since,
      case when s.breaker_probe_at > ${now} then s.breaker_probe_at end as not_before,
      coalesce(q.asked, 0) as asked, coalesce(q.delivered, 0) as delivered,
      coalesce(q.processing, 0) as processing, coalesce(q.unknown, 0) as unknown,
      coalesce(q.stuck, 0) as stuck, coalesce(q.not_sold, 0) as not_sold,
      least(q.next_at, f.next_at) as next_at,
      (select count(distinct unit_id) from offers)::integer as sellable
    from suppliers s left join asked q on q.supplier_id = s.id
    left join offered f on f.supplier_id = s.id
    where s.account_id = ${key.accountId} and coalesce(q.supplier_id, f.supplier_id) is not null
    order by s.name`.execute(tx)
  const planned = rows.flatMap((row) => row.next_at ?? [])
  return {
    suppliers: rows.map((row) => ({
      name: row.name,
      asked: row.asked,
      delivered: row.delivered,
      processing: row.processing,
      unknown: row.unknown,
      stuck: row.stuck,
      notSold: row.not_sold,
      lastAnswer: row.last_answer,
      waitingSince: row.waiting_since?.toISOString() ?? null,
      nextAt: row.next_at?.toISOString() ?? null,
      notAsked: row.not_before === null ? null : row.breaker_reason,
      notBefore: row.not_before?.toISOString() ?? null,
    })),
    sellable: rows[0]?.sellable ?? 0,
    nextAt: planned.length === 0 ? null : new Date(Math.min(...planned.map((at) => at.getTime()))),
  }
}

/**
 * Brings forward whatever is due later: an operator wants the suppliers asked now, those too that
 * did not answer and are left alone.
 */
export async function hurrySourcing(tx: Tx, key: TransactionKey): Promise<void> {
  await sql`
    update sourcing_attempts set ask_at = business_now(${key.accountId}), updated_at = clock_timestamp()
    where account_id = ${key.accountId} and transaction_id = ${key.transactionId}
      and state not in ('placing', 'delivered')`.execute(tx)
  await sql`
    update suppliers set breaker_probe_at = business_now(${key.accountId})
    where account_id = ${key.accountId} and breaker_probe_at > business_now(${key.accountId})
      and id in (
        select ss.supplier_id from supplier_skus ss
        join units u on u.account_id = ss.account_id and u.product_id = ss.product_id
          and u.variant_id = ss.variant_id
        where u.account_id = ${key.accountId} and u.transaction_id = ${key.transactionId})`.execute(
    tx,
  )
}
