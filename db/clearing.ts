import { sql } from 'kysely'
import type { Db } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'

/** What moved on the clearing account of the payment provider, and what the provider owes after it. */
export type ClearingLine = {
  /** Business time of the movement. */
  occurred_at: Date
  /** The kind of its journal, for example `payment_captured`. */
  kind: string
  /** The payment, refund, dispute or payout that moved it. */
  source_id: string
  /** Towards us positive. */
  amount_minor: bigint
  /** What the provider owes after it. */
  balance_minor: bigint
}

/** What a payment provider owes an account in one currency, and what that is made of. */
export type ClearingBalance = {
  currency: string
  captured_minor: bigint
  fees_minor: bigint
  refunded_minor: bigint
  disputed_minor: bigint
  paid_out_minor: bigint
  balance_minor: bigint
}

const MOVEMENTS = sql`
  select j.account_id, j.currency, j.kind, j.source_id, j.occurred_at, j.id, e.amount_minor
  from entries e
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'psp_clearing'
  join journals j on j.id = e.journal_id`

/**
 * What the provider owes by currency: captures less fees, refunds, disputes and payouts. Zero when
 * everything has been paid out.
 */
export async function listClearingBalances(db: Db, accountId: string): Promise<ClearingBalance[]> {
  const sum = (...kinds: string[]) =>
    sql`coalesce(sum(amount_minor) filter (where kind = any(${kinds})), 0)::bigint`
  const { rows } = await sql<ClearingBalance>`
    select currency, ${sum('payment_captured')} as captured_minor,
      ${sum('psp_fee_charged')} as fees_minor,
      ${sum('refund_succeeded', 'refund_returned')} as refunded_minor,
      ${sum('dispute_opened', 'dispute_won')} as disputed_minor,
      ${sum('psp_paid_out')} as paid_out_minor, sum(amount_minor)::bigint as balance_minor
    from (${MOVEMENTS} where a.account_id = ${accountId}) moved
    group by currency order by currency`.execute(db)
  return rows
}

/** The statement of the clearing account in one currency, the latest first. */
export async function listClearingLines(
  db: Db,
  key: { accountId: string; currency: string },
  request: PageRequest,
): Promise<RowsPage<ClearingLine>> {
  const lines = sql<ClearingLine & { id: string }>`(
    select id, occurred_at, kind, source_id, amount_minor,
      (sum(amount_minor) over (order by occurred_at, id))::bigint as balance_minor
    from (${MOVEMENTS} where a.account_id = ${key.accountId} and a.currency = ${key.currency}) moved)`
  const query = db
    .selectFrom(lines.as('line'))
    .select(['occurred_at', 'kind', 'source_id', 'amount_minor', 'balance_minor'])
  const columns = [
    { value: sql.ref('line.occurred_at'), type: 'timestamptz' },
    { value: sql.ref('line.id'), type: 'text' },
  ] as const
  return listPage(db, query, { columns, descending: true }, request)
}
