import { sql, type RawBuilder } from 'kysely'
import { OPEN_ATTEMPT_STATES, supplierReference } from '../domain/sourcing.ts'
import { UNBOUGHT_UNIT_STATES } from '../domain/unit.ts'
import type { Tx } from './client.ts'
import type { FulfillmentProgress } from './fulfillment.ts'
import { takeSupplierCall, type SupplierHold } from './supplier-calls.ts'
import { getSupplierAccess, type SupplierConnection } from './suppliers.ts'

/**
 * Which units of a transaction are to be bought or asked about now. Attempts are written, and their
 * units `sourcing`, before any supplier hears of them. A lease in real time keeps two processes
 * from asking about one attempt at once, and lets another one go on after a death.
 */

export type TransactionKey = { accountId: string; transactionId: string }

/** One call to one supplier: an order of units, or a question or cancellation by references. */
export type SourcingBatch = {
  kind: 'order' | 'status' | 'cancel'
  supplierId: string
  supplierName: string
  /** Leave for this one call; `recordSupplierAnswers` gives it back. */
  callId: string
  connection: SupplierConnection
  /** Whose codes these are: it is part of what keeps a secret from being stored twice. */
  accountMode: 'live' | 'test'
  items: { attemptId: string; reference: string; sku: string }[]
  /** Business time of the account. */
  now: Date
}

/** Something is due, and the supplier may not be called just now; nothing was written. */
export type SourcingHold = SupplierHold & { supplierName: string }

export type ClaimLimits = {
  itemsMax: number
  /** Beyond the supplier's own time for a call: nobody else acts on the attempts meanwhile. */
  graceSeconds: number
}

/**
 * Lets the own pool and the deadline act first, then claims the next batch of a supplier that is not
 * one of `except`: questions before purchases, because an answer may make a purchase needless. Null
 * when there is nothing to do now. Safe in any number of processes at once: the transaction's row is
 * locked.
 */
export async function claimSourcingBatch(
  tx: Tx,
  key: TransactionKey,
  limits: ClaimLimits,
  except: ReadonlySet<string> = new Set(),
): Promise<{ batch: SourcingBatch } | { hold: SourcingHold } | null> {
  const { ended, now, awaitedMoney } = await stepTransaction(tx, key)
  if (ended || awaitedMoney !== null) return null
  const questions = await listDueQuestions(tx, key, now)
  const purchases = await listDuePurchases(tx, key, limits.itemsMax, now)
  let hold: SourcingHold | null = null
  for (const due of [...questions, ...purchases]) {
    if (except.has(due.supplierId)) continue
    const supplier = await getSupplierAccess(tx, key.accountId, due.supplierId)
    const leaseSeconds = supplier.callSecondsMax + limits.graceSeconds
    const leave = await takeSupplierCall(tx, { ...key, supplierId: due.supplierId }, leaseSeconds)
    if ('why' in leave) {
      if (hold === null || leave.holdSeconds < hold.holdSeconds) {
        hold = { ...leave, supplierName: supplier.name }
      }
      continue
    }
    const items =
      due.kind === 'order'
        ? await placeAttempts(tx, key, due, leaseSeconds, now)
        : await leaseQuestions(tx, key, due, { itemsMax: limits.itemsMax, leaseSeconds }, now)
    const account = await tx
      .selectFrom('accounts')
      .select('mode')
      .where('id', '=', key.accountId)
      .executeTakeFirstOrThrow()
    return {
      batch: {
        kind: due.kind,
        supplierId: due.supplierId,
        supplierName: supplier.name,
        callId: leave.callId,
        connection: supplier.connection,
        accountMode: account.mode,
        items,
        now,
      },
    }
  }
  return hold === null ? null : { hold }
}

/** How a transaction stands after a step. Amounts are minor units; instants are business time. */
export type TransactionStep = FulfillmentProgress & {
  deadlineAt: Date
  now: Date
  /** Nothing is bought before the money is there; `dueMinor` is null until the tax is decided. */
  awaitedMoney: { payBy: Date; dueMinor: number | null; paidMinor: number } | null
}

type StepFacts = FulfillmentProgress & {
  deadline_at: string
  now: string
  awaits_money: boolean
  pay_by: string | null
  due_minor: number | null
  paid_minor: number
}

/**
 * `fulfill_transaction` inside a transaction of ours: it keeps the transaction's row locked until
 * the commit. `now` is business time. Throws when there is no such transaction.
 */
export async function stepTransaction(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
): Promise<TransactionStep> {
  const { rows } = await sql<{ progress: StepFacts }>`
    select fulfill_transaction(${accountId}, ${transactionId}) as progress`.execute(tx)
  const progress = rows[0]?.progress
  if (progress === undefined) throw new Error(`No progress of ${transactionId}`)
  const { units, open, ended, deadline_at, now, awaits_money, pay_by, due_minor, paid_minor } =
    progress
  const awaitedMoney =
    awaits_money && pay_by !== null
      ? { payBy: new Date(pay_by), dueMinor: due_minor, paidMinor: paid_minor }
      : null
  const instants = { deadlineAt: new Date(deadline_at), now: new Date(now) }
  return { units, open, ended, ...instants, awaitedMoney }
}

type DueQuestions = { kind: 'status' | 'cancel'; supplierId: string }

/** Open attempts: unknown and processing ones when their time has come, and what a dead process left. */
function dueQuestions(
  { accountId, transactionId }: TransactionKey,
  now: Date,
): RawBuilder<unknown> {
  return sql`
    select a.id, a.reference, a.supplier_id, s.breaker_probe_at,
      case when a.cancel_requested_at is null then 'status' else 'cancel' end as kind
    from sourcing_attempts a
    join suppliers s on s.account_id = a.account_id and s.id = a.supplier_id
    where a.account_id = ${accountId} and a.transaction_id = ${transactionId}
      and a.state = any(${OPEN_ATTEMPT_STATES}) and (a.state = 'placing' or a.ask_at <= ${now})
      and (a.leased_until is null or a.leased_until <= clock_timestamp())`
}

/** The suppliers that have to be asked something now; nobody is asked before its breaker's probe. */
async function listDueQuestions(tx: Tx, key: TransactionKey, now: Date): Promise<DueQuestions[]> {
  const { rows } = await sql<{ kind: 'status' | 'cancel'; supplier_id: string }>`
    select distinct d.kind, d.supplier_id from (${dueQuestions(key, now)}) d
    where d.breaker_probe_at is null or d.breaker_probe_at <= ${now}
    order by d.supplier_id, d.kind`.execute(tx)
  return rows.map((row) => ({ kind: row.kind, supplierId: row.supplier_id }))
}

async function leaseQuestions(
  tx: Tx,
  key: TransactionKey,
  { kind, supplierId }: DueQuestions,
  { itemsMax, leaseSeconds }: { itemsMax: number; leaseSeconds: number },
  now: Date,
): Promise<SourcingBatch['items']> {
  const { rows } = await sql<{ id: string; reference: string }>`
    with claimed as (
      update sourcing_attempts a
      set leased_until = clock_timestamp() + ${leaseSeconds} * interval '1 second',
        updated_at = clock_timestamp()
      from (select d.id from (${dueQuestions(key, now)}) d
        where d.supplier_id = ${supplierId} and d.kind = ${kind}
        order by d.reference limit ${itemsMax}) due
      where due.id = a.id returning a.id, a.reference)
    select id, reference from claimed order by reference`.execute(tx)
  return rows.map((row) => ({ attemptId: row.id, reference: row.reference, sku: '' }))
}

type OfferRow = {
  unit_id: string
  supplier_id: string
  sku: string
  cost_minor: bigint
  cost_currency: string
  next_group: number
  /** An attempt that the supplier certainly never got: it is sent again under its reference. */
  attempt_id: string | null
  reference: string | null
}

type DuePurchases = { kind: 'order'; supplierId: string; offers: OfferRow[] }

/** Units nobody has and somebody sells: for each the first supplier whose time has come. */
async function listDuePurchases(
  tx: Tx,
  key: TransactionKey,
  itemsMax: number,
  now: Date,
): Promise<DuePurchases[]> {
  const { rows } = await sql<OfferRow>`
    select n.* from (
      select f.*, row_number() over (partition by f.supplier_id order by f.position) as nth
      from (
        select distinct on (o.position) o.*
        from (${offersOf(key, now)}) o where o.ask_at <= ${now}
        order by o.position, o.priority, o.supplier_id) f) n
    where n.nth <= ${itemsMax} order by n.position`.execute(tx)
  const bySupplier = Map.groupBy(rows, (row) => row.supplier_id)
  return [...bySupplier].map(([supplierId, offers]) => ({ kind: 'order', supplierId, offers }))
}

/** Writes the attempts, before the supplier hears of them. */
async function placeAttempts(
  tx: Tx,
  key: TransactionKey,
  { supplierId, offers }: DuePurchases,
  leaseSeconds: number,
  now: Date,
): Promise<SourcingBatch['items']> {
  const wanted = offers.map((row) => ({
    ...row,
    reference: row.reference ?? supplierReference(row.unit_id, row.next_group),
  }))
  const column = <T>(read: (row: (typeof wanted)[number]) => T): T[] => wanted.map(read)
  const placed = await sql<{ id: string; reference: string }>`
    insert into sourcing_attempts as a (id, account_id, unit_id, transaction_id, supplier_id,
      group_number, reference, cost_minor, cost_currency, asked_at, leased_until)
    select coalesce(w.attempt_id, new_id('src')), ${key.accountId}, w.unit_id, ${key.transactionId},
      ${supplierId}, w.group_number, w.reference, w.cost_minor, w.cost_currency, ${now},
      clock_timestamp() + ${leaseSeconds} * interval '1 second'
    from unnest(${column((row) => row.attempt_id)}::text[], ${column((row) => row.unit_id)}::text[],
      ${column((row) => row.next_group)}::integer[], ${column((row) => row.reference)}::text[],
      ${column((row) => String(row.cost_minor))}::bigint[], ${column((row) => row.cost_currency)}::text[])
      as w (attempt_id, unit_id, group_number, reference, cost_minor, cost_currency)
    on conflict (id) do update set state = 'placing', ask_at = null,
      cost_minor = excluded.cost_minor, cost_currency = excluded.cost_currency,
      leased_until = excluded.leased_until, updated_at = clock_timestamp()
      where a.state = 'not_placed'
    returning id, reference`.execute(tx)
  await sql`
    update units set state = 'sourcing', reason = null
    where account_id = ${key.accountId} and id = any(${column((row) => row.unit_id)})`.execute(tx)
  const idOf = new Map(placed.rows.map((row) => [row.reference, row.id]))
  return wanted.map(({ reference, sku }) => {
    const attemptId = idOf.get(reference)
    if (attemptId === undefined) throw new Error(`${reference} is open already`)
    return { attemptId, reference, sku }
  })
}

/**
 * One row per unit that nobody has and active supplier that sells it. `ask_at` is when the supplier
 * may be asked for this unit: now if it never was, else by the back-off of its own refusals, and
 * never before its circuit breaker's probe. So the next supplier is asked at once after a definite
 * no or when this one does not answer at all, and each has its own rhythm.
 */
export function offersOf(
  { accountId, transactionId }: TransactionKey,
  now: Date,
): RawBuilder<unknown> {
  return sql`
    select u.id as unit_id, u.position, ss.supplier_id,
      case when r.preference = 'first' then -1 else ss.priority end as priority, ss.supplier_sku as sku,
      ss.cost_minor, ss.currency as cost_currency,
      greatest(coalesce(last.ask_at, ${now}), s.breaker_probe_at) as ask_at,
      case when last.state = 'not_placed' then last.id end as attempt_id,
      case when last.state = 'not_placed' then last.reference end as reference,
      coalesce((select max(group_number) from sourcing_attempts where unit_id = u.id), 0) + 1 as next_group
    from units u
    join supplier_skus ss on ss.account_id = u.account_id and ss.product_id = u.product_id
      and ss.variant_id = u.variant_id and ss.active
    join suppliers s on s.account_id = ss.account_id and s.id = ss.supplier_id and s.active
    left join sourcing_routes r on r.transaction_id = u.transaction_id and r.supplier_id = s.id
    left join lateral (
      select a.id, a.state, a.reference, a.ask_at from sourcing_attempts a
      where a.unit_id = u.id and a.supplier_id = ss.supplier_id
      order by a.group_number desc limit 1) last on true
    where u.account_id = ${accountId} and u.transaction_id = ${transactionId}
      and u.state = any(${UNBOUGHT_UNIT_STATES}) and r.preference is distinct from 'never'`
}
