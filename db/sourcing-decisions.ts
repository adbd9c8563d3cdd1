import { sql } from 'kysely'
import { OPEN_ATTEMPT_STATES, UNIT_REASONS } from '../domain/sourcing.ts'
import type { Tx } from './client.ts'
import { stepTransaction, type TransactionKey } from './sourcing.ts'

/**
 * What operators decide about the codes of a transaction. Each writes the decision's effect; the
 * story acts on it at its next look. All are safe to repeat. The caller's transaction also holds the
 * decision itself.
 */

/** `refused` says in words why nothing changed. */
export type DecisionEffect = { refused: string } | { effect: string }

/** What a supplier (or any) may have, of all units or some, is to be undone there, if it agrees. */
export async function cancelOpenAttempts(
  tx: Tx,
  key: TransactionKey,
  {
    supplierId = null,
    unitIds = null,
  }: { supplierId?: string | null; unitIds?: string[] | null } = {},
): Promise<number> {
  const { numAffectedRows } = await sql`
    update sourcing_attempts set cancel_requested_at = business_now(${key.accountId}),
      ask_at = case when state <> 'placing' then business_now(${key.accountId}) end,
      updated_at = clock_timestamp()
    where account_id = ${key.accountId} and transaction_id = ${key.transactionId}
      and state = any(${OPEN_ATTEMPT_STATES})
      and (${supplierId}::text is null or supplier_id = ${supplierId})
      and (${unitIds}::text[] is null or unit_id = any(${unitIds}))`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

/**
 * Takes a transaction away from one supplier and gives it to another: `from` gets nothing more of it
 * and is asked to undo what it has, `to` is asked before all others, now. Each by id or name.
 */
export async function rerouteTransaction(
  tx: Tx,
  key: TransactionKey,
  { from, to }: { from?: string; to?: string },
): Promise<DecisionEffect> {
  const words: string[] = []
  const source = from === undefined ? null : await findSupplier(tx, key, from)
  const target = to === undefined ? null : await findSupplier(tx, key, to)
  if (from !== undefined && source === null) return { refused: `There is no supplier ${from}` }
  if (to !== undefined && target === null) return { refused: `There is no supplier ${to}` }
  if (target !== null && !target.sells) {
    return { refused: `${target.name} sells nothing that this order still waits for` }
  }
  if (source !== null) {
    await putRoute(tx, key, source.id, 'never')
    const asked = await cancelOpenAttempts(tx, key, { supplierId: source.id })
    words.push(`${source.name} gets nothing more of this order; ${asked} there are to be undone.`)
  }
  if (target !== null) {
    await putRoute(tx, key, target.id, 'first')
    await sql`
      update sourcing_attempts set ask_at = business_now(${key.accountId})
      where account_id = ${key.accountId} and transaction_id = ${key.transactionId}
        and supplier_id = ${target.id} and state in ('none', 'not_placed', 'rejected')`.execute(tx)
    words.push(`${target.name} is asked now, before all others.`)
  }
  return { effect: words.join(' ') }
}

type FoundSupplier = { id: string; name: string; sells: boolean }

async function findSupplier(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
  idOrName: string,
): Promise<FoundSupplier | null> {
  const { rows } = await sql<FoundSupplier>`
    select s.id, s.name, s.active and exists (
      select 1 from units u
      join supplier_skus ss on ss.account_id = u.account_id and ss.product_id = u.product_id
        and ss.variant_id = u.variant_id and ss.supplier_id = s.id and ss.active
      where u.account_id = s.account_id and u.transaction_id = ${transactionId}
        and u.state in ('queued', 'backordered', 'sourcing', 'unknown')) as sells
    from suppliers s
    where s.account_id = ${accountId} and (s.id = ${idOrName} or s.name = ${idOrName})`.execute(tx)
  return rows[0] ?? null
}

async function putRoute(
  tx: Tx,
  key: TransactionKey,
  supplierId: string,
  preference: 'first' | 'never',
): Promise<void> {
  // One supplier is first: who was it before takes its usual place.
  if (preference === 'first') {
    await sql`delete from sourcing_routes where account_id = ${key.accountId}
      and transaction_id = ${key.transactionId} and preference = 'first'`.execute(tx)
  }
  await sql`
    insert into sourcing_routes (account_id, transaction_id, supplier_id, preference)
    values (${key.accountId}, ${key.transactionId}, ${supplierId}, ${preference})
    on conflict (transaction_id, supplier_id) do update
      set preference = excluded.preference, updated_at = clock_timestamp()`.execute(tx)
}

export type UnitFinding = 'found' | 'notPlaced'

/**
 * What a person found out about a unit in doubt. `found`: the supplier has the order, and is asked
 * for the code like for any that is on its way. `notPlaced`: it certainly never got it, so the unit
 * may be served by anybody.
 */
export async function resolveUnit(
  tx: Tx,
  key: TransactionKey,
  { unitId, finding }: { unitId: string; finding: UnitFinding },
): Promise<DecisionEffect> {
  await stepTransaction(tx, key) // holds the transaction's row
  const isFound = finding === 'found'
  const state = isFound ? 'processing' : 'not_placed'
  const { rows } = await sql<{ reference: string; name: string }>`
    update sourcing_attempts a
    set state = ${state}, unknown_at = null, ask_at = business_now(a.account_id), leased_until = null,
      last_answer = ${`${state}, as an operator found out`}, updated_at = clock_timestamp()
    from suppliers s
    where a.account_id = ${key.accountId} and a.transaction_id = ${key.transactionId}
      and a.unit_id = ${unitId} and a.state = 'unknown'
      and s.account_id = a.account_id and s.id = a.supplier_id
    returning a.reference, s.name`.execute(tx)
  const attempt = rows[0]
  if (attempt === undefined) {
    return {
      refused: `${unitId} is not in doubt: only a unit whose state is unknown can be resolved`,
    }
  }
  await sql`
    update units set state = ${isFound ? 'sourcing' : 'backordered'}, reason = ${UNIT_REASONS[state]}
    where account_id = ${key.accountId} and id = ${unitId} and state = 'unknown'`.execute(tx)
  return {
    effect: isFound
      ? `${attempt.name} is asked for the code of ${attempt.reference} again.`
      : `${attempt.name} has no order ${attempt.reference}: the unit is served by whoever can.`,
  }
}
