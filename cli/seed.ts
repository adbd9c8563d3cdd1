import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { NO_CODE_DETAILS, openCodeKeys, sealCode, type CodeKeys } from '../secrets/seal-code.ts'
import type { Config } from '../config.ts'
import { findSandboxOrganization, insertAccount, insertOrganization } from '../db/accounts.ts'
import { inTransaction, openDatabase, type Tx } from '../db/client.ts'
import { getCustomer, insertCustomer, updateCreditLimits } from '../db/customers.ts'
import { emitEvent } from '../db/events.ts'
import { insertNewCodes, type NewCode } from '../db/new-codes.ts'
import { getProduct, insertProduct } from '../db/products.ts'
import { insertSupplierSkus } from '../db/supplier-skus.ts'
import { insertSupplier } from '../db/suppliers.ts'
import { replaceVariants } from '../db/variants.ts'
import { formatId, type IdKind } from '../domain/id.ts'
import { renderCustomer } from '../wire/customer.ts'
import { newId } from '../new-id.ts'
import { renderProduct } from '../wire/product.ts'
import { openKeys } from './open-keys.ts'
import { productValues, SEED_PRODUCTS, type SeedProduct } from './seed-catalogue.ts'
import { sandboxSecret } from './seed-codes.ts'
import { SEED_CUSTOMERS, type SeedCustomer } from './seed-customers.ts'
import { ensureSeedKeys } from './seed-keys.ts'

/** What a newcomer gets: the printed keys and whom they belong to. */
export type Seeds = {
  accountId: string
  /** The first is the reseller that `keys.customer` is bound to. */
  customerIds: string[]
  keys: { account: string; customer: string }
}

/** When the shop opened; the ids of everything that is seeded carry it. */
const OPENED_AT_MS = Date.UTC(2026, 0, 5, 9)
/** A supplier keeps a tenth: what it asks for one code. */
const COST_PERCENT = 90n

/** What the shop sells in. */
const CURRENCIES = ['USD', 'EUR']

const ORGANIZATION_NAME = 'Bramblewick'

/** The id of one seeded thing by its name; the same on every start of the same sandbox. */
type SeedId = (kind: IdKind, name: string) => string

/**
 * Makes the sandbox shop once: an organization with a live and a test account, and in the test
 * account customers, products, codes and a supplier. The same content everywhere. Safe to
 * repeat and to run twice at once: a shop that is there stays as people left it. The keys are kept
 * in `<dataDir>/keys.json` and made anew only when they do not work any more.
 */
export async function seedSandbox(config: Config, dataDir: string): Promise<Seeds> {
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: 2,
    applicationName: 'bark-seed',
    onError: () => undefined, // the statement under way fails with the same error
  })
  try {
    const seedId = await inTransaction(database.db, (tx) => seedOnce(tx, config))
    const accountId = seedId('account', 'test')
    const customerIds = SEED_CUSTOMERS.map(({ name }) => seedId('customer', name))
    const [resellerId = ''] = customerIds
    const keys = await ensureSeedKeys(database, dataDir, {
      accountId,
      customerId: resellerId,
    })
    return { accountId, customerIds, keys }
  } finally {
    await database.close()
  }
}

const SEED_LOCK = 6_217_435_003 // any constant that nobody else uses
const SEED_WAIT = '15s' // who starts second waits until the first one's shop stands

async function seedOnce(tx: Tx, config: Config): Promise<SeedId> {
  await sql`select set_config('lock_timeout', ${SEED_WAIT}, true)`.execute(tx)
  await sql`select pg_advisory_xact_lock(${SEED_LOCK})`.execute(tx)
  const known = await findSandboxOrganization(tx, ORGANIZATION_NAME)
  const organizationId = known ?? newId('organization')
  const seedId = seedIdsOf(organizationId)
  if (known !== null) return seedId
  const accountId = seedId('account', 'test')
  await insertOrganization(tx, { id: organizationId, name: ORGANIZATION_NAME, plan: 'sandbox' })
  for (const mode of ['live', 'test'] as const) {
    await insertSeller(tx, { id: seedId('account', mode), organizationId, mode })
  }
  for (const customer of SEED_CUSTOMERS) await insertSeedCustomer(tx, seedId, customer)
  const supplierId = seedId('supplier', 'sandbox')
  await insertSupplier(tx, {
    id: supplierId,
    accountId,
    name: 'sandbox',
    adapter: 'sandbox',
  })
  for (const product of SEED_PRODUCTS) await insertSeedProduct(tx, seedId, product)
  await insertSupplierSkus(
    tx,
    { accountId, supplierId },
    SEED_PRODUCTS.filter(({ supplied }) => supplied).map((product) => ({
      productId: seedId('product', product.sku),
      variantId: '',
      supplierSku: product.sku,
      costMinor: (product.priceMinor * COST_PERCENT) / 100n,
      currency: product.currency,
    })),
  )
  const keys = await openCodeKeys(openKeys({ db: tx }, config), accountId)
  const codes = SEED_PRODUCTS.flatMap(codesOf(keys, seedId))
  const stored = await insertNewCodes(tx, accountId, codes, new Date())
  if (stored.size !== codes.length) {
    throw new Error('Some sandbox codes are in this database already')
  }
  return seedId
}

async function insertSeller(
  tx: Tx,
  { id, organizationId, mode }: { id: string; organizationId: string; mode: 'live' | 'test' },
): Promise<void> {
  await insertAccount(tx, {
    id,
    organizationId,
    mode,
    name: mode === 'test' ? `${ORGANIZATION_NAME} (test)` : ORGANIZATION_NAME,
    timeZone: 'America/New_York',
    currency: 'USD',
    legalName: 'Bramblewick Digital Goods, Inc.',
    legalAddress: {
      street: '61 Tannery Row, Suite 300',
      city: 'Albany',
      state: 'NY',
      zip: '12207',
      country: 'US',
    },
    taxId: null,
    financeEmail: 'finance@bramblewick.example',
    invoiceSeries: mode === 'test' ? 'TEST' : 'INV',
  })
}

async function insertSeedCustomer(tx: Tx, seedId: SeedId, customer: SeedCustomer): Promise<void> {
  const accountId = seedId('account', 'test')
  const id = seedId('customer', customer.name)
  await insertCustomer(tx, accountId, id, {
    email: customer.email,
    firstName: customer.firstName,
    lastName: customer.lastName,
    company: customer.company,
    phone: customer.phone,
    tags: customer.tags,
    addresses: [{ id: seedId('address', customer.name), kind: 'billing', ...customer.address }],
    taxId: customer.taxId,
    status: 'active',
    metadata: {},
    timeZone: customer.timeZone,
    cutOff: null,
  })
  const unlimited = new Map(CURRENCIES.map((currency) => [currency, null]))
  await updateCreditLimits(tx, accountId, id, unlimited)
  const owner = { accountId, customerId: id }
  await emitEvent(tx, {
    accountId,
    type: 'customer.created',
    objectId: id,
    sequence: 1,
    customerId: id,
    facts: { object: renderCustomer(await getCustomer(tx, owner, id)) },
  })
}

async function insertSeedProduct(tx: Tx, seedId: SeedId, product: SeedProduct): Promise<void> {
  const accountId = seedId('account', 'test')
  const id = seedId('product', product.sku)
  await insertProduct(tx, accountId, id, productValues(product))
  await replaceVariants(
    tx,
    accountId,
    { id, sku: product.sku },
    product.variants.map(({ sku, priceMinor, attributes }) => ({
      id: seedId('variant', sku),
      sku,
      priceMinor,
      attributes,
      image: null,
    })),
  )
  await emitEvent(tx, {
    accountId,
    type: 'product.created',
    objectId: id,
    sequence: 1,
    customerId: null,
    facts: { object: renderProduct(await getProduct(tx, accountId, id)) },
  })
}

function codesOf(keys: CodeKeys, seedId: SeedId) {
  return (product: SeedProduct): NewCode[] => {
    const { codeForm: form } = product
    if (form === null) return []
    const productId = seedId('product', product.sku)
    const shelves = [
      { sku: product.sku, variantId: '', codes: product.codes },
      ...product.variants.map(({ sku, codes }) => {
        return { sku, variantId: seedId('variant', sku), codes }
      }),
    ]
    return shelves.flatMap(({ sku, variantId, codes }) =>
      Array.from({ length: codes }, (_, n): NewCode => {
        const secret = sandboxSecret(form, sku, n + 1)
        const code = sealCode(keys, 'test', { type: form, secret, ...NO_CODE_DETAILS })
        return { code, productId, variantId, supply: null, place: 'pool' }
      }),
    )
  }
}

/**
 * Ids by name, different in every sandbox: two of them may share one Temporal namespace, where a
 * purchase order's workflow is named after its customer.
 */
function seedIdsOf(organizationId: string): SeedId {
  return (kind, name) => {
    const chance = createHash('sha256').update(`${organizationId} ${kind} ${name}`).digest('hex')
    return formatId(kind, OPENED_AT_MS, chance)
  }
}
