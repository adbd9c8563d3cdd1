import { randomUUID } from 'node:crypto'
import { insertApiKey } from '../db/api-keys.ts'
import { inTransaction, type Database } from '../db/client.ts'
import { insertNewCodes } from '../db/new-codes.ts'
import type { Mode } from '../domain/api-key.ts'
import { SCOPES, type Scope } from '../domain/scope.ts'
import { newId } from '../new-id.ts'
import { NO_CODE_DETAILS, openCodeKeys, sealCode, type CodeDetails } from '../secrets/seal-code.ts'
import { openKeys } from '../cli/open-keys.ts'
import type { Config } from '../config.ts'

/** Rows that tests start from. Every call makes new ones, so tests of a file share nothing. */

export type TestAccount = {
  organizationId: string
  accountId: string
  mode: Mode
  /** A key with every scope. */
  key: string
}

type Plan = 'free' | 'starter' | 'professional' | 'enterprise' | 'sandbox'

/** An organization with one account and a key that may do everything, on a plan without limits. */
export async function makeAccount(
  database: Database,
  options: {
    mode?: Mode
    plan?: Plan
    currency?: string
    timeZone?: string
    country?: string
    requireIdempotencyKey?: boolean
  } = {},
): Promise<TestAccount> {
  const { db } = database
  const organizationId = newId('organization')
  const accountId = newId('account')
  const mode = options.mode ?? 'test'
  await db
    .insertInto('organizations')
    .values({ id: organizationId, name: 'Acme', plan: options.plan ?? 'sandbox' })
    .execute()
  await db
    .insertInto('accounts')
    .values({
      id: accountId,
      organization_id: organizationId,
      mode,
      name: 'Acme',
      currency: options.currency ?? 'USD',
      time_zone: options.timeZone ?? 'UTC',
      require_idempotency_key: options.requireIdempotencyKey ?? false,
      legal_name: 'Acme GmbH',
      legal_address: JSON.stringify({
        street: 'Hauptstr. 1',
        city: 'Berlin',
        zip: '10115',
        country: 'DE',
      }),
      country: options.country ?? 'DE',
      tax_id: 'DE123456789',
      finance_email: 'finance@acme.example',
    })
    .execute()
  if (mode === 'test')
    await db.insertInto('test_clocks').values({ account_id: accountId }).execute()
  const account = { organizationId, accountId, mode }
  return { ...account, key: await makeKey(database, account) }
}

/** Another key of the account: with every scope unless named, unbound unless bound. */
export async function makeKey(
  database: Database,
  account: { accountId: string; mode: Mode },
  options: {
    id?: string
    scopes?: readonly Scope[]
    customerId?: string
    requestsPerSecond?: number
    expiresAt?: Date
  } = {},
): Promise<string> {
  return insertApiKey(database.db, {
    ...options,
    id: options.id ?? newId('apiKey'),
    accountId: account.accountId,
    mode: account.mode,
    name: 'test',
    scopes: options.scopes ?? SCOPES,
  })
}

/** An active customer; its credit is unlimited in USD and EUR unless `creditLimits` says otherwise. */
export async function makeCustomer(
  database: Database,
  accountId: string,
  options: {
    email?: string
    company?: string
    timeZone?: string
    cutOff?: string
    status?: 'active' | 'inactive'
    billOn?: 'allocation' | 'acceptance'
    /** Minor units by currency; null is unlimited. */
    creditLimits?: Record<string, bigint | null>
  } = {},
): Promise<string> {
  const id = newId('customer')
  await database.db
    .insertInto('customers')
    .values({
      id,
      account_id: accountId,
      email: options.email ?? `${randomUUID()}@customer.example`,
      company: options.company ?? 'Reseller Ltd',
      time_zone: options.timeZone ?? null,
      cut_off: options.cutOff ?? null,
      bill_on: options.billOn ?? null,
      status: options.status ?? 'active',
    })
    .execute()
  const limits = Object.entries(options.creditLimits ?? { USD: null, EUR: null })
  if (limits.length === 0) return id
  await database.db
    .insertInto('customer_balances')
    .values(
      limits.map(([currency, minor]) => ({
        account_id: accountId,
        customer_id: id,
        currency,
        credit_limit_minor: minor,
      })),
    )
    .execute()
  return id
}

/** An active digital product at 49.99 unless told otherwise. */
export async function makeProduct(
  database: Database,
  accountId: string,
  options: {
    sku?: string
    name?: string
    priceMinor?: bigint
    currency?: string
    status?: 'active' | 'draft' | 'archived'
    fulfillmentType?: 'digital_code' | 'physical'
    taxClass?:
      'multi_purpose_voucher' | 'single_purpose_voucher' | 'digital_service' | 'goods' | 'fee'
  } = {},
): Promise<{ id: string; sku: string }> {
  const id = newId('product')
  const sku = options.sku ?? `SKU-${randomUUID()}`
  await database.db
    .insertInto('products')
    .values({
      id,
      account_id: accountId,
      sku,
      name: options.name ?? `Gift card ${sku}`,
      price_minor: options.priceMinor ?? 4999n,
      currency: options.currency ?? 'USD',
      status: options.status ?? 'active',
      fulfillment_type: options.fulfillmentType ?? 'digital_code',
      ...(options.taxClass === undefined ? {} : { tax_class: options.taxClass }),
    })
    .execute()
  await database.db
    .insertInto('skus')
    .values({ account_id: accountId, sku, product_id: id })
    .execute()
  return { id, sku }
}

/** A variant of a product, with its SKU. */
export async function makeVariant(
  database: Database,
  accountId: string,
  productId: string,
  options: { sku?: string; priceMinor?: bigint; position?: number } = {},
): Promise<{ id: string; sku: string }> {
  const id = newId('variant')
  const sku = options.sku ?? `VAR-${randomUUID()}`
  await database.db
    .insertInto('variants')
    .values({
      id,
      account_id: accountId,
      product_id: productId,
      sku,
      price_minor: options.priceMinor ?? null,
      position: options.position ?? 0,
    })
    .execute()
  await database.db
    .insertInto('skus')
    .values({ account_id: accountId, sku, product_id: productId, variant_id: id })
    .execute()
  return { id, sku }
}

/** Codes in the own pool of a product; answers their secrets. */
export async function importCodes(
  database: Database,
  keys: Config['keys'],
  account: { accountId: string; mode: Mode },
  product: { productId: string; variantId?: string },
  codes: number | readonly string[],
  details: Partial<CodeDetails> = {},
): Promise<string[]> {
  const texts =
    typeof codes === 'number' ? Array.from({ length: codes }, () => `CODE-${randomUUID()}`) : codes
  const sealing = await openCodeKeys(openKeys(database, { keys }), account.accountId)
  await inTransaction(database.db, async (tx) => {
    const rows = texts.map((code) => ({
      code: sealCode(sealing, account.mode, {
        type: 'code',
        secret: { code, pin: null, serial: null, url: null },
        ...NO_CODE_DETAILS,
        ...details,
      }),
      productId: product.productId,
      variantId: product.variantId ?? '',
      supply: null,
      place: 'pool' as const,
    }))
    await insertNewCodes(tx, account.accountId, rows, new Date())
  })
  return [...texts]
}

/** What was sealed for a row, opened as the product would. */
export async function openSealed(
  database: Pick<Database, 'db'>,
  keys: Config['keys'],
  row: { id: string; account_id: string; sealed: Buffer; key_version: number },
): Promise<string> {
  const { ring } = openKeys(database, { keys })
  const opening = await ring.forOpening(row.account_id, [row.key_version])
  return opening.unseal({ rowId: row.id, sealed: row.sealed, keyVersion: row.key_version })
}
