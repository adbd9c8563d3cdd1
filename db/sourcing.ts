import { sql, type RawBuilder } from 'kysely'
import { OPEN_ATTEMPT_STATES, supplierReference } from '../domain/sourcing.ts'
import { UNBOUGHT_UNIT_STATES } from '../domain/unit.ts'
import type { Tx } from './client.ts'
import type { FulfillmentProgress } from './fulfillment.ts'

/**
 * Which units of a transaction are to be bought or asked about now. Attempts are written, and their
 * units `sourcing`, before any supplier hears of them. A lease in real time keeps two processes
 * from asking about one attempt at once, and lets another one go on after a death.
 */

export type TransactionKey = { accountId: string; transactionId: string }

/** One call to one supplier: an order of units, or a question about references. */
export type SourcingBatch = {
  kind: 'order' | 'status'
  supplierId: string
  adapter: 'sandbox'
  /** Whose codes these are: it is part of what keeps a secret from being stored twice. */
  accountMode: 'live' | 'test'
  items: { attemptId: string; reference: string; sku: string }[]
  /** Business time of the account. */
  now: Date
}

export type ClaimLimits = { itemsMax: number; leaseSeconds: number }

/**
 * Lets the own pool and the deadline act first, then claims the next batch: questions before
 * purchases, because an answer may make a purchase needless. Null when there is nothing to do now.
 * Safe in any number of processes at once: the transaction's row is locked.
 */
export async function claimSourcingBatch(
  tx: Tx,
  key: TransactionKey,
  limits: ClaimLimits,
): Promise<SourcingBatch | null> {
  const { ended, now } = await stepTransaction(tx, key)
  if (ended) return null
  const claimed =
    (await claimQuestions(tx, key, limits, now)) ?? (await claimPurchases(tx, key, limits, now))
  if (claimed === null) return null
  const account = await tx
    .selectFrom('accounts')
    .select('mode')
    .where('id', '=', key.accountId)
    .executeTakeFirstOrThrow()
  return { ...claimed, accountMode: account.mode, now }
}

type Claim = Omit<SourcingBatch, 'accountMode' | 'now'>

/**
 * `fulfill_transaction` inside a transaction of ours: it keeps the transaction's row locked until
 * the commit. `now` is business time. Throws when there is no such transaction.
 */
export async function stepTransaction(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
): Promise<FulfillmentProgress & { deadlineAt: Date; now: Date }> {
  const { rows } = await sql<{
    progress: FulfillmentProgress & { deadline_at: string; now: string }
  }>`
    select fulfill_transaction(${accountId}, ${transactionId}) as progress`.execute(tx)
  const progress = rows[0]?.progress
  if (progress === undefined) throw new Error(`No progress of ${transactionId}`)
  const { units, open, ended, deadline_at, now } = progress
  return { units, open, ended, deadlineAt: new Date(deadline_at), now: new Date(now) }
}

type ClaimRow = {
  supplier_id: string
  adapter: 'sandbox'
  attempt_id: string
  reference: string
  sku: string
}

/** Open attempts that are due: unknown and processing ones, and those a dead process left behind. */
async function claimQuestions(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
  { itemsMax, leaseSeconds }: ClaimLimits,
  now: Date,
): Promise<Claim | null> {
  const { rows } = await sql<ClaimRow>`
    with due as (
      select a.id, a.supplier_id, row_number() over (order by a.supplier_id, a.reference) as n,
        first_value(a.supplier_id) over (order by a.supplier_id, a.reference) as first_supplier
      from sourcing_attempts a
      where a.account_id = ${accountId} and a.transaction_id = ${transactionId}
        and a.state = any(${OPEN_ATTEMPT_STATES}) and (a.state = 'placing' or a.ask_at <= ${now})
        and (a.leased_until is null or a.leased_until <= clock_timestamp())
    ), claimed as (
      update sourcing_attempts a
      set leased_until = clock_timestamp() + ${leaseSeconds} * interval '1 second',
        updated_at = clock_timestamp()
      from due
      where due.id = a.id and due.supplier_id = due.first_supplier and due.n <= ${itemsMax}
      returning a.id, a.reference, a.supplier_id
    )
    select c.id as attempt_id, c.reference, c.supplier_id, s.adapter, '' as sku
    from claimed c join suppliers s on s.account_id = ${accountId} and s.id = c.supplier_id
    order by c.reference`.execute(tx)
  return batchOf('status', rows)
}

type OfferRow = Omit<ClaimRow, 'attempt_id' | 'reference'> & {
  unit_id: string
  next_group: number
  /** An attempt that the supplier certainly never got: it is sent again under its reference. */
  attempt_id: string | null
  reference: string | null
}

/** Units nobody has and somebody sells: the first supplier by priority whose time has come. */
async function claimPurchases(
  tx: Tx,
  key: TransactionKey,
  { itemsMax, leaseSeconds }: ClaimLimits,
  now: Date,
): Promise<Claim | null> {
  const { rows } = await sql<OfferRow>`
    select distinct on (o.position) o.*
    from (${offersOf(key, now)}) o where o.ask_at <= ${now}
    order by o.position, o.priority, o.supplier_id limit ${itemsMax}`.execute(tx)
  const supplierId = rows[0]?.supplier_id
  if (supplierId === undefined) return null
  const wanted = rows
    .filter((row) => row.supplier_id === supplierId)
    .map((row) => ({
      ...row,
      reference: row.reference ?? supplierReference(row.unit_id, row.next_group),
    }))
  const placed = await sql<{ id: string; reference: string }>`
    insert into sourcing_attempts as a (id, account_id, unit_id, transaction_id, supplier_id,
      group_number, reference, leased_until)
    select coalesce(w.attempt_id, new_id('src')), ${key.accountId}, w.unit_id, ${key.transactionId},
      ${supplierId}, w.group_number, w.reference,
      clock_timestamp() + ${leaseSeconds} * interval '1 second'
    from unnest(${wanted.map((row) => row.attempt_id)}::text[], ${wanted.map((row) => row.unit_id)}::text[],
      ${wanted.map((row) => row.next_group)}::integer[], ${wanted.map((row) => row.reference)}::text[])
      as w (attempt_id, unit_id, group_number, reference)
    on conflict (id) do update set state = 'placing', ask_at = null,
      leased_until = excluded.leased_until, updated_at = clock_timestamp()
      where a.state = 'not_placed'
    returning id, reference`.execute(tx)
  await sql`
    update units set state = 'sourcing', reason = null
    where account_id = ${key.accountId} and id = any(${wanted.map((row) => row.unit_id)})`.execute(
    tx,
  )
  const idOf = new Map(placed.rows.map((row) => [row.reference, row.id]))
  const claimed = wanted.map((row) => {
    const attemptId = idOf.get(row.reference)
    if (attemptId === undefined) throw new Error(`${row.reference} is open already`)
    return { ...row, attempt_id: attemptId }
  })
  return batchOf('order', claimed)
}

/**
 * One row per unit that nobody has and active supplier that sells it. `ask_at` is when the supplier
 * may be asked for this unit: now if it never was, else by the back-off of its own refusals. So the
 * next supplier is asked at once after a definite no, and each has its own rhythm.
 */
export function offersOf(
  { accountId, transactionId }: TransactionKey,
  now: Date,
): RawBuilder<unknown> {
  return sql`
    select u.id as unit_id, u.position, ss.supplier_id, ss.priority, ss.supplier_sku as sku, s.adapter,
      coalesce(last.ask_at, ${now}) as ask_at,
      case when last.state = 'not_placed' then last.id end as attempt_id,
      case when last.state = 'not_placed' then last.reference end as reference,
      coalesce((select max(group_number) from sourcing_attempts where unit_id = u.id), 0) + 1 as next_group
    from units u
    join supplier_skus ss on ss.account_id = u.account_id and ss.product_id = u.product_id
      and ss.variant_id = u.variant_id
    join suppliers s on s.account_id = ss.account_id and s.id = ss.supplier_id and s.active
    left join lateral (
      select a.id, a.state, a.reference, a.ask_at from sourcing_attempts a
      where a.unit_id = u.id and a.supplier_id = ss.supplier_id
      order by a.group_number desc limit 1) last on true
    where u.account_id = ${accountId} and u.transaction_id = ${transactionId}
      and u.state = any(${UNBOUGHT_UNIT_STATES})`
}

function batchOf(kind: 'order' | 'status', rows: ClaimRow[]): Claim | null {
  const [first] = rows
  if (first === undefined) return null
  const items = rows.map((row) => ({
    attemptId: row.attempt_id,
    reference: row.reference,
    sku: row.sku,
  }))
  return { kind, supplierId: first.supplier_id, adapter: first.adapter, items }
}
