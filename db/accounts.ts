import { sql } from 'kysely'
import type { Mode } from '../domain/api-key.ts'
import type { Db, Tx } from './client.ts'
import type { Organizations } from './tables.ts'

/** An address as the law wants it on an invoice. */
export type LegalAddress = {
  street: string
  street2?: string
  city: string
  state?: string
  zip: string
  /** ISO 3166 alpha-2. */
  country: string
}

export type NewAccount = {
  id: string
  organizationId: string
  mode: Mode
  name: string
  /** IANA zone: the seller's legal zone, and the default of its customers' business days. */
  timeZone: string
  currency: string
  legalName: string
  legalAddress: LegalAddress
  taxId: string | null
  financeEmail: string
  invoiceSeries: string
}

export async function insertOrganization(
  tx: Tx,
  organization: { id: string; name: string; plan: Organizations['plan'] },
): Promise<void> {
  await tx.insertInto('organizations').values(organization).execute()
}

/** The id of the sandbox organization of this name, or null; for whoever makes it once. */
export async function findSandboxOrganization(db: Db, name: string): Promise<string | null> {
  const row = await db
    .selectFrom('organizations')
    .select('id')
    .where('plan', '=', 'sandbox')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.id ?? null
}

/** Writes an account; a test account gets its clock, which stands at real time until it is moved. */
export async function insertAccount(tx: Tx, account: NewAccount): Promise<void> {
  await tx
    .insertInto('accounts')
    .values({
      id: account.id,
      organization_id: account.organizationId,
      mode: account.mode,
      name: account.name,
      time_zone: account.timeZone,
      currency: account.currency,
      legal_name: account.legalName,
      legal_address: JSON.stringify(account.legalAddress),
      country: account.legalAddress.country,
      tax_id: account.taxId,
      finance_email: account.financeEmail,
      invoice_series: account.invoiceSeries,
    })
    .execute()
  if (account.mode === 'test') {
    await tx.insertInto('test_clocks').values({ account_id: account.id }).execute()
  }
}

/** The mode of an account, or null where there is none. */
export async function findAccountMode(db: Db, accountId: string): Promise<Mode | null> {
  const row = await db
    .selectFrom('accounts')
    .select('mode')
    .where('id', '=', accountId)
    .executeTakeFirst()
  return row?.mode ?? null
}

/** The account's mode and business time. Throws when there is no such account. */
export async function getAccountNow(
  db: Db,
  accountId: string,
): Promise<{ mode: 'live' | 'test'; now: Date }> {
  return db
    .selectFrom('accounts')
    .select(['mode', sql<Date>`business_now(id)`.as('now')])
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
}
