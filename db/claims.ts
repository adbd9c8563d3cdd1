import { sql, type Selectable } from 'kysely'
import type { ClaimState } from '../domain/claim.ts'
import { DomainError } from '../domain/error.ts'
import { emitCodesAvailable, lockForEvent } from './codes-available.ts'
import type { Db, Tx } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import type { Owner } from './purchase-order-views.ts'
import type { Claims } from './tables.ts'
import { endWait } from './waits.ts'

/** A delivered code that its buyer calls invalid. */

export type ClaimRow = Selectable<Claims>
export type ClaimKey = { accountId: string; claimId: string }

/**
 * Opens a claim and commits the command that resolves it. Not repeatable by itself.
 *
 * @throws DomainError `not_found`, also for another owner's unit; `unit_not_claimable` when the unit
 *   has no code, was given back, is a replacement's original, or is claimed already
 */
export async function insertClaim(
  tx: Tx,
  owner: Owner,
  claim: { id: string; transactionId: string; unitId: string; reason: string },
): Promise<ClaimRow> {
  const { rows } = await sql<{ state: string; customer_id: string; supplied: boolean }>`
    select u.state, t.customer_id, coalesce(c.supplier_id is not null, false) as supplied
    from transactions t
    join units u on u.account_id = t.account_id and u.transaction_id = t.id
    left join codes c on c.account_id = u.account_id and c.unit_id = u.id
    where t.account_id = ${owner.accountId} and t.id = ${claim.transactionId}
      and u.id = ${claim.unitId}
      and (${owner.customerId}::text is null or t.customer_id = ${owner.customerId})
    for update of u`.execute(tx)
  const unit = rows[0]
  if (unit === undefined) throw new DomainError('not_found', 'No such unit of this order.')
  if (unit.state !== 'allocated') {
    throw new DomainError(
      'unit_not_claimable',
      `This unit has no code to claim: it is ${unit.state}.`,
    )
  }
  const inserted = await sql<ClaimRow>`
    insert into claims (id, account_id, customer_id, transaction_id, unit_id, reason, opened_at, ask_at)
    select ${claim.id}, ${owner.accountId}, ${unit.customer_id}, ${claim.transactionId},
      ${claim.unitId}, ${claim.reason}, now, case when ${unit.supplied} then now end
    from business_now(${owner.accountId}) as now
    on conflict (unit_id) where state <> 'rejected' do nothing returning *`.execute(tx)
  const row = inserted.rows[0]
  if (row === undefined)
    throw new DomainError('unit_not_claimable', 'This unit is claimed already.')
  await sql`
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (${owner.accountId}, 'start', 'resolveClaim', jsonb_build_object('claim_id', ${row.id}::text,
      'transaction_id', ${row.transaction_id}::text, 'customer_id', ${row.customer_id}::text,
      'unit_id', ${row.unit_id}::text), 3)`.execute(tx)
  return row
}

/** Throws `not_found`, also for another owner's. */
export async function getClaim(db: Db, owner: Owner, claimId: string): Promise<ClaimRow> {
  const row = await selectClaims(db, owner).where('id', '=', claimId).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such claim.')
  return row
}

/** Claims, the latest first. */
export async function listClaims(
  db: Db,
  owner: Owner,
  filter: { state?: ClaimState; transactionId?: string },
  page: PageRequest,
): Promise<RowsPage<ClaimRow>> {
  let query = selectClaims(db, owner)
  if (filter.state !== undefined) query = query.where('state', '=', filter.state)
  if (filter.transactionId !== undefined) {
    query = query.where('transaction_id', '=', filter.transactionId)
  }
  const columns = [
    { value: sql.ref('opened_at'), type: 'timestamptz' },
    { value: sql.ref('id'), type: 'text' },
  ] as const
  return listPage(db, query, { columns, descending: true }, page)
}

function selectClaims(db: Db, owner: Owner) {
  const query = db.selectFrom('claims').selectAll().where('account_id', '=', owner.accountId)
  return owner.customerId === null ? query : query.where('customer_id', '=', owner.customerId)
}

/** Holds a claim, and its transaction before it. Throws `not_found`. */
export async function lockClaim(tx: Tx, key: ClaimKey): Promise<ClaimRow> {
  await sql`
    select 1 from transactions t join claims c on c.account_id = t.account_id
      and c.transaction_id = t.id
    where c.account_id = ${key.accountId} and c.id = ${key.claimId} for update of t`.execute(tx)
  const row = await tx
    .selectFrom('claims')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.claimId)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such claim.')
  return row
}

/** Writes what the supplier said; `askAt` null leaves the decision to a person. */
export async function updateClaimAsked(
  tx: Tx,
  claim: ClaimRow,
  { said, askAt }: { said: string; askAt: Date | null },
): Promise<void> {
  await sql`
    update claims set tries = tries + 1, last_answer = ${said}, ask_at = ${askAt}
    where account_id = ${claim.account_id} and id = ${claim.id} and state = 'open'`.execute(tx)
}

/** The code is good: nothing changes for the unit. The caller holds the claim, which is open. */
export async function rejectClaim(tx: Tx, claim: ClaimRow): Promise<void> {
  await endClaim(tx, claim, 'rejected', null)
}

/**
 * Gives the buyer another code: a new unit of the same line, linked to the old one and never billed.
 * `codeId` is a stored code without a unit; null takes one of the own pool. Answers false, and
 * changes nothing, when the pool has none. The caller holds the claim, which is open.
 */
export async function replaceClaimed(
  tx: Tx,
  claim: ClaimRow,
  { unitId, codeId }: { unitId: string; codeId: string | null },
): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    select c.id from codes c join units u on u.account_id = c.account_id
      and u.product_id = c.product_id and u.variant_id = c.variant_id
    where u.account_id = ${claim.account_id} and u.id = ${claim.unit_id} and c.unit_id is null
      and ((${codeId}::text is null and c.quarantined_at is null and c.reserved_for is null
          and coalesce(c.expires_at, 'infinity')
            > code_outlives(c.account_id, business_now(c.account_id)))
        or c.id = ${codeId})
    order by coalesce(c.expires_at, 'infinity'), c.id limit 1 for update of c skip locked`.execute(
    tx,
  )
  const code = rows[0]
  if (code === undefined) return false
  const event = await lockForEvent(tx, {
    accountId: claim.account_id,
    transactionId: claim.transaction_id,
  })
  await sql`
    insert into units (id, account_id, purchase_order_id, transaction_id, line_id, position,
      product_id, variant_id, price_minor, state, allocated_at, replaces_unit_id)
    select ${unitId}, account_id, purchase_order_id, transaction_id, line_id,
      (select max(position) + 1 from units where transaction_id = ${claim.transaction_id}),
      product_id, variant_id, 0, 'allocated', ${event.now}, id
    from units where account_id = ${claim.account_id} and id = ${claim.unit_id}`.execute(tx)
  await sql`
    update codes set unit_id = ${unitId}, allocated_at = ${event.now}
    where account_id = ${claim.account_id} and id = ${code.id} and unit_id is null`.execute(tx)
  await sql`
    update units set reason = 'replaced'
    where account_id = ${claim.account_id} and id = ${claim.unit_id}`.execute(tx)
  await endClaim(tx, claim, 'replaced', unitId)
  const key = { accountId: claim.account_id, transactionId: claim.transaction_id }
  await emitCodesAvailable(tx, key, event)
  return true
}

/** The caller holds the claim. Safe to repeat: only an open one ends. */
export async function endClaim(
  tx: Tx,
  claim: ClaimRow,
  state: Exclude<ClaimState, 'open'>,
  replacementUnitId: string | null,
): Promise<void> {
  await sql`
    update claims set state = ${state}, replacement_unit_id = ${replacementUnitId}, ask_at = null,
      ended_at = business_now(account_id)
    where account_id = ${claim.account_id} and id = ${claim.id} and state = 'open'`.execute(tx)
  await endWait(tx, claim.account_id, claim.id)
}

/** Where a claimed code came from: the supplier and our reference, or nobody who could be asked. */
export async function findClaimedCode(
  tx: Tx,
  claim: ClaimRow,
): Promise<{ supplierId: string; reference: string } | null> {
  const row = await tx
    .selectFrom('codes')
    .select(['supplier_id', 'supplier_reference'])
    .where('account_id', '=', claim.account_id)
    .where('unit_id', '=', claim.unit_id)
    .executeTakeFirst()
  if (row === undefined || row.supplier_id === null || row.supplier_reference === null) return null
  return { supplierId: row.supplier_id, reference: row.supplier_reference }
}
