import { sql } from 'kysely'
import type { PaymentState } from '../domain/payment.ts'
import type { Db } from './client.ts'

/** Our side of what is compared with the provider: rows and, for payments, the ledger. */

/** Our side of a payment, with what the ledger says that it moved at the provider. */
export type OurPayment = {
  id: string
  provider_id: string | null
  state: PaymentState
  amount_minor: bigint
  captured_minor: bigint
  /** In the ledger: the capture and its fee. */
  posted_minor: bigint
  posted_fee_minor: bigint
  currency: string
  /** Something is under way: what the two sides say may differ until it is done. */
  busy: boolean
}

const clearing = (journal: string) => sql`(select coalesce(sum(abs(e.amount_minor)), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts l on l.id = e.ledger_account_id and l.kind = 'psp_clearing'
  where j.account_id = p.account_id and j.source_id = p.id and j.kind = ${sql.lit(journal)})`

const OUR_PAYMENT = sql`p.id, p.provider_id, p.state, p.amount_minor, p.captured_minor, p.currency,
  ${clearing('payment_captured')} as posted_minor,
  ${clearing('psp_fee_charged')} as posted_fee_minor,
  (p.refresh_wanted_at is not null or exists (select 1 from payment_operations o
    where o.account_id = p.account_id and o.payment_id = p.id and o.refund_id is null
      and o.dispute_id is null and o.ended_at is null)) as busy`

/** Payments by the provider's names and by ours. */
export async function findOurPayments(
  db: Db,
  accountId: string,
  by: { providerIds: string[]; ids: string[] },
): Promise<OurPayment[]> {
  const { rows } = await sql<OurPayment>`
    select ${OUR_PAYMENT} from payment_intents p where p.account_id = ${accountId}
      and (p.provider_id = any(${by.providerIds}) or p.id = any(${by.ids}))`.execute(db)
  return rows
}

/** Payments of a day that the provider must have, `max` after an id. */
export async function listOurPayments(
  db: Db,
  accountId: string,
  { from, before, after, max }: { from: Date; before: Date; after: string; max: number },
): Promise<OurPayment[]> {
  const { rows } = await sql<OurPayment>`
    select ${OUR_PAYMENT} from payment_intents p
    where p.account_id = ${accountId} and p.created_at >= ${from} and p.created_at < ${before}
      and p.id > ${after} and (p.provider_id is not null or p.captured_minor > 0)
    order by p.id limit ${max}`.execute(db)
  return rows
}

/** Our side of a refund or a dispute. */
export type OurMovement = {
  id: string
  provider_id: string
  payment_id: string
  state: string
  amount_minor: bigint
  fee_minor: bigint
}

/** Refunds and disputes by the provider's names. */
export async function findOurMovements(
  db: Db,
  accountId: string,
  providerIds: string[],
): Promise<OurMovement[]> {
  const { rows } = await sql<OurMovement>`
    select id, provider_id, payment_id, state, amount_minor, 0::bigint as fee_minor
    from refunds where account_id = ${accountId} and provider_id = any(${providerIds})
    union all
    select id, provider_id, payment_id, state, withdrawn_minor, fee_minor
    from disputes where account_id = ${accountId} and opened_at is not null
      and provider_id = any(${providerIds})`.execute(db)
  return rows
}

/** Refunds of a day that have left for the payer. */
export async function listOurRefunds(
  db: Db,
  accountId: string,
  { from, before }: { from: Date; before: Date },
): Promise<(OurMovement & { payment_provider_id: string; currency: string })[]> {
  const { rows } = await sql<OurMovement & { payment_provider_id: string; currency: string }>`
    select r.id, r.provider_id, r.payment_id, r.state, r.amount_minor, 0::bigint as fee_minor,
      r.currency, p.provider_id as payment_provider_id
    from refunds r
    join payment_intents p on p.account_id = r.account_id and p.id = r.payment_id
    where r.account_id = ${accountId} and r.created_at >= ${from} and r.created_at < ${before}
      and r.state = 'succeeded' and r.provider_id is not null and p.provider_id is not null
    order by r.id`.execute(db)
  return rows
}
