import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { Suppliers } from './tables.ts'

/** Where codes come from when the own pool has none. */

type SupplierKey = { accountId: string; supplierId: string }

/** How a supplier of an account is reached. */
export type SupplierConnection =
  | { adapter: 'sandbox' }
  | {
      adapter: 'http'
      accountId: string
      supplierId: string
      baseUrl: string
      /** Sealed for the supplier's row. */
      secret: Buffer
      keyVersion: number
      callSecondsMax: number
    }

export type SupplierAccess = {
  name: string
  callSecondsMax: number
  connection: SupplierConnection
}

/** How to call a supplier. Throws `not_found`. */
export async function getSupplierAccess(
  db: Db,
  accountId: string,
  supplierId: string,
): Promise<SupplierAccess> {
  const row = await getSupplier(db, { accountId, supplierId })
  const { name, base_url: baseUrl, secret, secret_key_version: keyVersion } = row
  const callSecondsMax = row.call_seconds_max
  if (row.adapter === 'sandbox') return { name, callSecondsMax, connection: { adapter: 'sandbox' } }
  if (baseUrl === null || secret === null || keyVersion === null) {
    throw new Error(`${supplierId} has no address`) // a CHECK forbids it
  }
  const key = { accountId, supplierId }
  return {
    name,
    callSecondsMax,
    connection: { adapter: 'http', ...key, baseUrl, secret, keyVersion, callSecondsMax },
  }
}

/** A secret as it is kept: sealed for the supplier's row. */
export type SealedSupplierSecret = { sealed: Buffer; keyVersion: number }

export type NewSupplier = {
  id: string
  accountId: string
  /** Unique in the account. */
  name: string
  active?: boolean
  perSecondMax?: number | null
  inFlightMax?: number
  callSecondsMax?: number
} & ({ adapter: 'sandbox' } | { adapter: 'http'; baseUrl: string; secret: SealedSupplierSecret })

/** An account has a handful of suppliers: a bound keeps a mistake from becoming a table. */
export const SUPPLIERS_PER_ACCOUNT_MAX = 100

/** Not repeatable by itself. Throws `supplier_exists`, and `invalid_fields` when there are too many. */
export async function insertSupplier(tx: Tx, supplier: NewSupplier): Promise<SupplierRow> {
  const { total } = await tx
    .selectFrom('suppliers')
    .select((query) => query.fn.countAll<bigint>().as('total'))
    .where('account_id', '=', supplier.accountId)
    .executeTakeFirstOrThrow()
  if (total >= SUPPLIERS_PER_ACCOUNT_MAX) {
    throw new DomainError(
      'invalid_fields',
      `An account has ${SUPPLIERS_PER_ACCOUNT_MAX} suppliers at most.`,
    )
  }
  const isHttp = supplier.adapter === 'http'
  const row = await tx
    .insertInto('suppliers')
    .values({
      id: supplier.id,
      account_id: supplier.accountId,
      name: supplier.name,
      adapter: supplier.adapter,
      active: supplier.active,
      base_url: isHttp ? supplier.baseUrl : null,
      secret: isHttp ? supplier.secret.sealed : null,
      secret_key_version: isHttp ? supplier.secret.keyVersion : null,
      per_second_max: supplier.perSecondMax ?? null,
      in_flight_max: supplier.inFlightMax,
      call_seconds_max: supplier.callSecondsMax,
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) throw nameTaken()
  return row
}

export type SupplierRow = Selectable<Suppliers>

function selectSupplier(db: Db, key: SupplierKey) {
  return db
    .selectFrom('suppliers')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.supplierId)
}

/** Throws `not_found`. */
export async function getSupplier(db: Db, key: SupplierKey): Promise<SupplierRow> {
  const row = await selectSupplier(db, key).executeTakeFirst()
  if (row === undefined) throw notFound()
  return row
}

/** The same, locked: whoever changes it or asks it waits. */
export async function lockSupplier(tx: Tx, key: SupplierKey): Promise<SupplierRow> {
  const row = await selectSupplier(tx, key).forNoKeyUpdate().executeTakeFirst()
  if (row === undefined) throw notFound()
  return row
}

/** The account's suppliers, newest first. */
export async function listSuppliers(
  db: Db,
  accountId: string,
  filter: { active?: boolean },
  page: PageRequest,
): Promise<RowsPage<SupplierRow>> {
  let query = db.selectFrom('suppliers').selectAll().where('account_id', '=', accountId)
  if (filter.active !== undefined) query = query.where('active', '=', filter.active)
  return listPage(db, query, newestFirst(), page)
}

/** Fields that are left out stay as they are. */
export type SupplierChange = {
  name?: string
  active?: boolean
  baseUrl?: string
  secret?: SealedSupplierSecret
  perSecondMax?: number | null
  inFlightMax?: number
  callSecondsMax?: number
}

/**
 * Changes a supplier. A new address or secret closes its circuit breaker: what was learned of the
 * old one says nothing. `before` is the locked row. Throws `supplier_exists`.
 */
export async function updateSupplier(
  tx: Tx,
  before: SupplierRow,
  change: SupplierChange,
): Promise<SupplierRow> {
  if (change.name !== undefined) await requireFreeName(tx, before, change.name)
  const isNewWay = change.baseUrl !== undefined || change.secret !== undefined
  return tx
    .updateTable('suppliers')
    .set({
      name: change.name,
      active: change.active,
      base_url: change.baseUrl,
      secret: change.secret?.sealed,
      secret_key_version: change.secret?.keyVersion,
      per_second_max: change.perSecondMax,
      in_flight_max: change.inFlightMax,
      call_seconds_max: change.callSecondsMax,
      ...(isNewWay
        ? {
            breaker_failures: 0,
            breaker_opened_at: null,
            breaker_probe_at: null,
            breaker_reason: null,
          }
        : {}),
      version: before.version + 1,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('account_id', '=', before.account_id)
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

async function requireFreeName(tx: Tx, before: SupplierRow, name: string): Promise<void> {
  const other = await tx
    .selectFrom('suppliers')
    .select('id')
    .where('account_id', '=', before.account_id)
    .where('name', '=', name)
    .where('id', '<>', before.id)
    .executeTakeFirst()
  if (other !== undefined) throw nameTaken()
}

function nameTaken(): DomainError {
  return new DomainError('supplier_exists', 'A supplier of this account has this name already.', {
    fields: [{ field: 'name', message: 'Is taken' }],
  })
}

function notFound(): DomainError {
  return new DomainError('not_found', 'No such supplier.')
}
