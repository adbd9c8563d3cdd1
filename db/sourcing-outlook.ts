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

/** What sourcing will do next for a transaction and how far it has come. Changes nothing. */
export async function getSourcingOutlook(
  tx: Tx,
  key: TransactionKey,
  now: Date,
): Promise<SourcingOutlook> {
  const questions = await sql<
    Omit<SupplierProgress, 'waitingSince' | 'nextAt' | 'notBefore'> & {
      waiting_since: Date | null
      next_at: Date | null
      not_before: Date | null
    }
  >`
    select s.name, s.breaker_reason as "notAsked",
      case when s.breaker_probe_at > ${now} then s.breaker_probe_at end as not_before,
      min(a.asked_at) filter (where a.state = any(${OPEN_ATTEMPT_STATES})) as waiting_since, count(distinct a.unit_id)::integer as asked,
      count(*) filter (where a.state = 'delivered')::integer as delivered,
      count(*) filter (where a.state in ('placing', 'processing'))::integer as processing,
      count(*) filter (where a.state = 'unknown')::integer as unknown,
      count(*) filter (where a.state = 'unknown' and a.ask_at is null)::integer as stuck,
      (array_agg(a.last_answer order by a.updated_at desc, a.id desc)
        filter (where a.last_answer is not null))[1] as "lastAnswer",
      min(greatest(case when a.state = 'placing' then ${now} else a.ask_at end,
          ${now}::timestamptz + (a.leased_until - clock_timestamp()), s.breaker_probe_at))
        filter (where a.state = 'placing' or a.ask_at is not null and a.state = any(${OPEN_ATTEMPT_STATES}))
        as next_at
    from sourcing_attempts a join suppliers s on s.account_id = a.account_id and s.id = a.supplier_id
    where a.account_id = ${key.accountId} and a.transaction_id = ${key.transactionId}
    group by s.id, s.name, s.breaker_reason, s.breaker_probe_at order by s.name`.execute(tx)
  const offers = await sql<{ sellable: number; next_at: Date | null }>`
    select count(distinct o.unit_id)::integer as sellable, min(o.ask_at) as next_at
    from (${offersOf(key, now)}) o`.execute(tx)
  const planned = [...questions.rows, ...offers.rows].flatMap((row) => row.next_at ?? [])
  return {
    suppliers: questions.rows.map((row) => ({
      name: row.name,
      asked: row.asked,
      delivered: row.delivered,
      processing: row.processing,
      unknown: row.unknown,
      stuck: row.stuck,
      lastAnswer: row.lastAnswer,
      waitingSince: row.waiting_since?.toISOString() ?? null,
      nextAt: row.next_at?.toISOString() ?? null,
      notAsked: row.not_before === null ? null : row.notAsked,
      notBefore: row.not_before?.toISOString() ?? null,
    })),
    sellable: offers.rows[0]?.sellable ?? 0,
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
