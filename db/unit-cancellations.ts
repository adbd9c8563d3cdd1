import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { OPEN_UNIT_STATES } from '../domain/order-status.ts'
import type { UnitState } from '../domain/unit.ts'
import type { Tx } from './client.ts'
import type { Owner } from './purchase-order-views.ts'
import { cancelOpenAttempts } from './sourcing-decisions.ts'
import { stepTransaction } from './sourcing.ts'

export type CancelledUnit = { unit_id: string; state: UnitState; reason: string | null }

/**
 * Gives up units that have no code yet. Those that nobody was asked for are cancelled in this very
 * transaction and their hold is released; what a supplier has, or may have, is to be undone there, and
 * its unit ends by the supplier's definite answer, maybe with a code. Safe to repeat.
 *
 * @throws DomainError `not_found`, also for another owner's order and for a unit of another order;
 *   `unit_not_cancellable` when one of them has its code or has ended without one; then nothing changes
 */
export async function cancelUnits(
  tx: Tx,
  owner: Owner,
  { transactionId, unitIds }: { transactionId: string; unitIds: string[] },
): Promise<CancelledUnit[]> {
  const key = { accountId: owner.accountId, transactionId }
  const { rows: found } = await sql`
    select 1 from transactions where account_id = ${owner.accountId} and id = ${transactionId}
      and (${owner.customerId}::text is null or customer_id = ${owner.customerId})
    for update`.execute(tx)
  if (found.length === 0) throw new DomainError('not_found', 'No such order')
  const units = await listUnits(tx, owner.accountId, transactionId, unitIds)
  if (units.length < unitIds.length) throw new DomainError('not_found', 'No such unit.')
  const ended = units.filter(
    ({ state }) => state !== 'cancelled' && !OPEN_UNIT_STATES.includes(state),
  )
  if (ended.length > 0) {
    throw new DomainError('unit_not_cancellable', 'Nothing was cancelled.', {
      fields: ended.map(({ unit_id, state }) => ({
        field: `unit_ids.${unitIds.indexOf(unit_id)}`,
        message: `Is ${state}`,
      })),
    })
  }
  await sql`
    update units set cancel_requested_at = business_now(account_id)
    where account_id = ${owner.accountId} and id = any(${unitIds})
      and state = any(${OPEN_UNIT_STATES}) and cancel_requested_at is null`.execute(tx)
  await sql`
    update transactions set units_cancel_requested_at = business_now(account_id)
    where account_id = ${owner.accountId} and id = ${transactionId}
      and units_cancel_requested_at is null`.execute(tx)
  await cancelOpenAttempts(tx, key, { unitIds })
  await stepTransaction(tx, key)
  await sql`
    insert into outbox (account_id, verb, workflow, subject, signal)
    values (${owner.accountId}, 'signal', 'fulfillTransaction',
      jsonb_build_object('transaction_id', ${transactionId}::text),
      jsonb_build_object('name', 'wokenUp',
        'input', jsonb_build_object('reason', 'units were cancelled')))`.execute(tx)
  return listUnits(tx, owner.accountId, transactionId, unitIds)
}

async function listUnits(
  tx: Tx,
  accountId: string,
  transactionId: string,
  unitIds: string[],
): Promise<CancelledUnit[]> {
  const { rows } = await sql<CancelledUnit>`
    select id as unit_id, state, reason from units
    where account_id = ${accountId} and transaction_id = ${transactionId} and id = any(${unitIds})
    order by position`.execute(tx)
  return rows
}
