import { createHash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'
import { sourcingActivities, type SourcingDeps } from '../../activities/sourcing.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { createLog } from '../../log.ts'
import { newId } from '../../new-id.ts'
import { openKeys } from '../../cli/open-keys.ts'
import { readEnv, toConfig } from '../../config.ts'
import type { CodeSecret } from '../../secrets/vault.ts'
import * as factories from '../factories.ts'
import { openLink, type Link } from '../faults/proxy.ts'
import { startSupplierProcess, type SupplierProcess } from '../sandbox/supplier-process.ts'
import { createTestDatabase } from '../stack.ts'

/** One test account that sells codes of the sandbox supplier, over a link that a test can cut. */
export type World = {
  database: Database
  databaseUrl: string
  accountId: string
  customerId: string
  supplierId: string
  supplier: SupplierProcess
  link: Link
  deps: SourcingDeps
  activities: ReturnType<typeof sourcingActivities>
  close(): Promise<void>
}

/** Of the product's settings, which the whole world shares. */
export const { keys } = toConfig(readEnv({ DATABASE_URL: 'postgres://none' }))

export async function openWorld(name: string): Promise<World> {
  const own = await createTestDatabase(name)
  const database = openDatabase({
    url: own.url,
    poolSizeMax: 8,
    applicationName: name,
    onError: () => undefined,
  })
  const supplier = await startSupplierProcess()
  const link = await openLink('supplier', supplier.port)
  const gateway = createSandboxSupplier({ url: `http://127.0.0.1:${link.port}` })
  const deps: SourcingDeps = {
    database,
    keys: openKeys(database, { keys }),
    log: createLog(name, 'silent'),
    suppliers: () => gateway,
  }
  const { accountId } = await factories.makeAccount(database)
  const customerId = await factories.makeCustomer(database, accountId)
  const supplierId = await makeSupplier(database, accountId, 'Sandbox')
  return {
    database,
    databaseUrl: own.url,
    accountId,
    customerId,
    supplierId,
    supplier,
    link,
    deps,
    activities: sourcingActivities(deps),
    async close() {
      await gateway.close()
      await link.close()
      await supplier.kill('SIGTERM')
      await database.close()
      await own.drop()
    },
  }
}

export type SuppliedProduct = { id: string; sku: string }

/** A product for codes; each supplier SKU is one offer, the first has the first priority. */
export async function makeProduct(
  { database, accountId, supplierId }: World,
  ...supplierSkus: string[]
): Promise<SuppliedProduct> {
  const product = await factories.makeProduct(database, accountId)
  for (const [priority, sku] of supplierSkus.entries()) {
    await database.db
      .insertInto('supplier_skus')
      .values({
        account_id: accountId,
        supplier_id: priority === 0 ? supplierId : await makeSupplier(database, accountId),
        product_id: product.id,
        supplier_sku: sku,
        priority,
        cost_minor: 900n,
        currency: 'USD',
      })
      .execute()
  }
  return product
}

export async function makeSupplier(
  database: Database,
  accountId: string,
  name: string = randomUUID(),
): Promise<string> {
  const id = newId('supplier')
  await database.db
    .insertInto('suppliers')
    .values({ id, account_id: accountId, name, adapter: 'sandbox' })
    .execute()
  return id
}

/** An order of so many codes, of each of several products. */
export async function placeOrder(
  world: World,
  products: SuppliedProduct | SuppliedProduct[],
  quantity: number,
  deadlineSeconds = 86_400,
): Promise<{ accountId: string; transactionId: string }> {
  const transactionId = newId('transaction')
  const { rows: clock } = await sql<{ deadline: Date }>`
    select business_now(${world.accountId}) + ${deadlineSeconds} * interval '1 second' as deadline`.execute(
    world.database.db,
  )
  const order = {
    account_id: world.accountId,
    customer_scope: '',
    customer_id: world.customerId,
    transaction_id: transactionId,
    content_hash: createHash('sha256').update(transactionId).digest('hex'),
    payment_method: 'credit',
    allow_backorder: true,
    deadline: clock[0]?.deadline,
    price_override: false,
    items: [products].flat().map(({ id }) => ({ product_id: id, quantity })),
  }
  const { rows } = await sql<{ answer: { outcome: string } }>`
    select answer from accept_orders(${JSON.stringify([order])}::jsonb, true)`.execute(
    world.database.db,
  )
  if (rows[0]?.answer.outcome !== 'accepted') throw new Error(JSON.stringify(rows[0]?.answer))
  return { accountId: world.accountId, transactionId }
}

/** Moves business time forward. */
export async function passTime(world: World, seconds: number): Promise<void> {
  await sql`update test_clocks set offset_ms = offset_ms + ${Math.round(seconds * 1000)}
    where account_id = ${world.accountId}`.execute(world.database.db)
}

/** What a dead process leaves behind, without waiting for its lease to end. */
export async function endLeases(world: World): Promise<void> {
  await sql`update sourcing_attempts set leased_until = clock_timestamp()
    where leased_until is not null`.execute(world.database.db)
  await sql`delete from supplier_calls`.execute(world.database.db)
}

/** Forgets that suppliers did not answer, for tests that share one. */
export async function closeBreakers(world: World): Promise<void> {
  await sql`update suppliers set breaker_failures = 0, breaker_opened_at = null,
    breaker_probe_at = null, breaker_reason = null`.execute(world.database.db)
}

/** Lives a transaction to its end, as the workflow does; each wait moves the clock to its end. */
export async function liveOn(
  world: World,
  transaction: { accountId: string; transactionId: string },
  options: { until?: () => Promise<boolean> } = {},
): Promise<string[]> {
  const reasons: string[] = []
  for (let looks = 0; looks < 400; looks++) {
    const look = await world.activities.awaitCodes(transaction)
    if (look.ended) return reasons
    if (look.toSource) {
      await world.activities.sourceCodes(transaction)
      continue
    }
    reasons.push(look.waiting.reason)
    if (look.waiting.dueAt === null || (await options.until?.()) === true) return reasons
    const leftMs = Date.parse(look.waiting.dueAt) - Date.now() - look.waiting.clockOffsetMs
    await passTime(world, Math.max(leftMs, 0) / 1000)
    await endLeases(world)
  }
  throw new Error(`Never ends: ${reasons.slice(-3).join(' | ')}`)
}

/** How many units of a transaction are in which state. */
export async function countUnits(
  world: World,
  { transactionId }: { transactionId: string },
): Promise<Record<string, number>> {
  const { rows } = await sql<{ units: Record<string, number> }>`
    select order_state(${world.accountId}, ${transactionId}) as units`.execute(world.database.db)
  return rows[0]?.units ?? {}
}

export type Attempt = {
  unit_id: string
  supplier_id: string
  group_number: number
  reference: string
  state: string
}

/** Every attempt of a transaction, by reference. */
export async function listAttempts(
  world: World,
  { transactionId }: { transactionId: string },
): Promise<Attempt[]> {
  return world.database.db
    .selectFrom('sourcing_attempts')
    .select(['unit_id', 'supplier_id', 'group_number', 'reference', 'state'])
    .where('transaction_id', '=', transactionId)
    .orderBy('reference')
    .execute()
}

export type StoredCode = {
  reference: string
  unitId: string | null
  quarantine: string | null
  secret: CodeSecret
}

/** Every code of suppliers that is stored, opened. */
export async function listStoredCodes(world: World): Promise<StoredCode[]> {
  const rows = await world.database.db
    .selectFrom('codes')
    .selectAll()
    .where('supplier_id', 'is not', null)
    .execute()
  const { ring } = world.deps.keys
  const opening = await ring.forOpening(
    world.accountId,
    rows.map((row) => row.key_version),
  )
  return rows.map((row) => ({
    reference: row.supplier_reference ?? '',
    unitId: row.unit_id,
    quarantine: row.quarantine_reason,
    secret: JSON.parse(
      opening.unseal({ rowId: row.id, sealed: row.sealed, keyVersion: row.key_version }),
    ) as CodeSecret,
  }))
}
