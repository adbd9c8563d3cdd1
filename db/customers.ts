import { sql, type Selectable, type SqlBool } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { BillingSettings } from './billing-settings.ts'
import { violatedConstraint, type Db, type Tx } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import { instantOf, type Moment } from './moment.ts'
import { orderHistory, type OrderHistoryRow } from './order-history.ts'
import type { Customers } from './tables.ts'

export type Address = {
  id: string
  kind?: 'shipping' | 'billing'
  name?: string
  company?: string
  street: string
  street2?: string
  city: string
  state?: string
  zip: string
  country: string
  phone?: string
}

export type CustomerRow = Omit<
  Selectable<Customers>,
  | 'account_id'
  | 'addresses'
  | 'metadata'
  | 'event_sequence'
  | 'time_zone'
  | 'cut_off'
  | keyof BillingSettings
> & {
  addresses: Address[]
  metadata: Record<string, string | number | boolean | null>
  /** The customer's own, or else its account's. `cut_off` is HH:MM. */
  time_zone: string
  cut_off: string
  own_time_zone: string | null
  own_cut_off: string | null
  /** Minor units by currency; null is unlimited. */
  credit_limits: Record<string, number | null>
  /** Left out in lists. */
  order_history?: OrderHistoryRow
}

/** Whose customers: all of an account, or the one whom a key is bound to. */
export type CustomerOwner = { accountId: string; customerId: string | null }

export type CustomerFilter = {
  email?: string
  name?: string
  tags?: readonly string[]
  createdFrom?: Moment
  createdBefore?: Moment
}

/** Customers, the newest first. Two statements with a numbered page, one on a cursor walk. */
export async function listCustomers(
  db: Db,
  owner: CustomerOwner,
  filter: CustomerFilter,
  request: PageRequest,
): Promise<RowsPage<CustomerRow>> {
  let query = selectCustomers(db, owner)
  const { createdFrom, createdBefore } = filter
  if (filter.email !== undefined) {
    query = query.where(sql<SqlBool>`customers.email ilike ${containing(filter.email)}`)
  }
  if (filter.name !== undefined) {
    query = query.where(
      sql<SqlBool>`concat_ws(' ', customers.first_name, customers.last_name, customers.company)
        ilike ${containing(filter.name)}`,
    )
  }
  if (filter.tags !== undefined) {
    query = query.where(sql<SqlBool>`customers.tags @> ${[...filter.tags]}::text[]`)
  }
  if (createdFrom !== undefined) {
    query = query.where('customers.created_at', '>=', instantOf(createdFrom, owner.accountId))
  }
  if (createdBefore !== undefined) {
    query = query.where('customers.created_at', '<', instantOf(createdBefore, owner.accountId))
  }
  const keyset = {
    columns: [
      { value: sql.ref('customers.created_at'), type: 'timestamptz' as const },
      { value: sql.ref('customers.id'), type: 'text' as const },
    ],
    descending: true,
  }
  return listPage(db, query, keyset, request)
}

/**
 * A customer with its order history, in one statement.
 *
 * @throws DomainError `not_found`, also for another owner's
 */
export async function getCustomer(db: Db, owner: CustomerOwner, id: string): Promise<CustomerRow> {
  const row = await selectCustomers(db, owner)
    .where('customers.id', '=', id)
    .select(orderHistory().as('order_history'))
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
  return row
}

/** Holds the customer for an edit, like an acceptance would: they come one after the other. */
export async function lockCustomer(tx: Tx, owner: CustomerOwner, id: string): Promise<CustomerRow> {
  await sql`select 1 from customers where account_id = ${owner.accountId} and id = ${id}
    for no key update`.execute(tx)
  return getCustomer(tx, owner, id)
}

export type CustomerValues = {
  email: string
  firstName: string | null
  lastName: string | null
  company: string | null
  phone: string | null
  tags: string[]
  addresses: Address[]
  taxId: string | null
  status: CustomerRow['status']
  metadata: CustomerRow['metadata']
  /** IANA zone; null: the account's. */
  timeZone: string | null
  /** HH:MM up to 24:00; null: the account's. */
  cutOff: string | null
}

/** @throws DomainError `customer_exists` when the account has a customer with this e-mail address */
export async function insertCustomer(
  tx: Tx,
  accountId: string,
  id: string,
  values: CustomerValues,
): Promise<void> {
  const row = { id, account_id: accountId, event_sequence: 1, ...columnsOf(values) }
  await explained(tx.insertInto('customers').values(row).execute())
}

/**
 * Writes the whole customer and counts its version and its event up. The caller holds its lock.
 *
 * @returns the sequence of the event that tells of it
 * @throws DomainError like `insertCustomer`
 */
export async function updateCustomer(
  tx: Tx,
  accountId: string,
  id: string,
  values: CustomerValues,
): Promise<number> {
  const row = await explained(
    tx
      .updateTable('customers')
      .set({
        ...columnsOf(values),
        version: sql`version + 1`,
        event_sequence: sql`event_sequence + 1`,
        updated_at: sql`clock_timestamp()`,
      })
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .returning('event_sequence')
      .executeTakeFirstOrThrow(),
  )
  return row.event_sequence
}

/** Sets credit limits by currency, in minor units; null is unlimited. What is not named stays. */
export async function updateCreditLimits(
  tx: Tx,
  accountId: string,
  customerId: string,
  limits: ReadonlyMap<string, bigint | null>,
): Promise<void> {
  if (limits.size === 0) return
  await tx
    .insertInto('customer_balances')
    .values(
      [...limits].map(([currency, minor]) => ({
        account_id: accountId,
        customer_id: customerId,
        currency,
        credit_limit_minor: minor,
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['account_id', 'customer_id', 'currency'])
        .doUpdateSet((row) => ({ credit_limit_minor: row.ref('excluded.credit_limit_minor') })),
    )
    .execute()
}

function columnsOf(values: CustomerValues) {
  return {
    email: values.email,
    first_name: values.firstName,
    last_name: values.lastName,
    company: values.company,
    phone: values.phone,
    tags: values.tags,
    addresses: JSON.stringify(values.addresses),
    tax_id: values.taxId,
    status: values.status,
    metadata: JSON.stringify(values.metadata),
    time_zone: values.timeZone,
    cut_off: values.cutOff,
  }
}

/** Names the field of a constraint that refused a row. */
async function explained<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement
  } catch (error) {
    const constraint = violatedConstraint(error)
    if (constraint === 'customers_email') {
      throw new DomainError('customer_exists', 'A customer with this e-mail address exists.', {
        fields: [{ field: 'email', message: 'Is taken by another customer' }],
      })
    }
    if (constraint === 'customers_time_zone_check') {
      throw new DomainError('invalid_fields', 'time_zone: Is not an IANA time zone', {
        fields: [{ field: 'time_zone', message: 'Is not an IANA time zone' }],
      })
    }
    throw error
  }
}

function selectCustomers(db: Db, owner: CustomerOwner) {
  const query = db
    .selectFrom('customers')
    .innerJoin('accounts', 'accounts.id', 'customers.account_id')
    .where('customers.account_id', '=', owner.accountId)
    .select([
      'customers.id',
      'customers.email',
      'customers.first_name',
      'customers.last_name',
      'customers.company',
      'customers.phone',
      'customers.tags',
      'customers.tax_id',
      'customers.status',
      'customers.version',
      'customers.created_at',
      'customers.updated_at',
      sql<Address[]>`customers.addresses`.as('addresses'),
      sql<CustomerRow['metadata']>`customers.metadata`.as('metadata'),
      sql<string>`coalesce(customers.time_zone, accounts.time_zone)`.as('time_zone'),
      sql<string>`left(coalesce(customers.cut_off, accounts.cut_off)::text, 5)`.as('cut_off'),
      sql<string | null>`customers.time_zone`.as('own_time_zone'),
      sql<string | null>`left(customers.cut_off::text, 5)`.as('own_cut_off'),
      sql<CustomerRow['credit_limits']>`coalesce((
        select jsonb_object_agg(b.currency, b.credit_limit_minor) from customer_balances b
        where b.account_id = customers.account_id and b.customer_id = customers.id), '{}')`.as(
        'credit_limits',
      ),
    ])
  return owner.customerId === null ? query : query.where('customers.id', '=', owner.customerId)
}

function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}
