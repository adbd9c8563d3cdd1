import { sql } from 'kysely'
import type { CodeRow, RowProblem } from '../domain/code-import.ts'
import { inTransaction, type Db, type Tx } from './client.ts'
import { wakeBackorders } from './backorders.ts'
import {
  createImportRows,
  dropImportRows,
  findRepeatedRows,
  insertImportRows,
  moveImportRows,
} from './code-import-rows.ts'
import { insertStockLevels, type SealedCode } from './new-codes.ts'
import { lookAtStock, type InventoryRow } from './stock-levels.ts'

export type CodeImport =
  | { outcome: 'imported'; imported: number; woken: number }
  /** Nothing was imported. `problems` holds the first ones, `problemCount` counts all. */
  | { outcome: 'refused'; problems: RowProblem[]; problemCount: number }

export type CodeImportSource = {
  accountId: string
  /** Read once, to the end. */
  rows: AsyncIterable<CodeRow | RowProblem>
  /** Encrypts one row for an account of this mode. */
  seal: (row: CodeRow, mode: 'live' | 'test') => SealedCode
  /** How the stock goes over the wire, for those who hear that there is more. */
  printInventory: (inventory: InventoryRow) => Record<string, unknown>
  /** The one product whose SKUs the rows may name. */
  productId?: string
  /** Shows how far the storing of so many codes is. */
  showStored?: (codes: number) => { add(count: number): void; done(): void }
}

const BATCH_ROWS = 1_000 // one statement of about half a megabyte
const MOVED_ROWS = 10_000 // about half a second of PostgreSQL's: well below any statement's end
const PROBLEMS_KEPT_MAX = 100 // a file with more is wrong as a whole
/** Whoever stores the same secrets just now is waited for; statements have an end of their own. */
const LOCK_SECONDS_MAX = 15

/**
 * Puts codes into the own pool: all of them, or none when one row is bad. A secret that is stored
 * already, in any account of the mode, is bad, so importing a file twice imports it once. Then
 * every transaction that waits for one of the products is woken once, oldest first. The file is read
 * once, before the one transaction that stores it. Throws when there is no such account.
 */
export async function importCodes(db: Db, source: CodeImportSource): Promise<CodeImport> {
  return db.connection().execute(async (connection) => {
    await createImportRows(connection)
    try {
      return await importThrough(connection, source)
    } finally {
      await dropImportRows(connection)
    }
  })
}

/** Somebody else stored one of the secrets between the look for such and the storing. */
class Overtaken extends Error {}

/** What a SKU means; null: nothing in this account. */
type Items = Map<string, (Item & { sellable: boolean }) | null>
type Item = { productId: string; variantId: string }
type Account = { id: string; mode: 'live' | 'test'; now: Date; outlive: Date }

async function importThrough(connection: Db, source: CodeImportSource): Promise<CodeImport> {
  const account = await connection
    .selectFrom('accounts')
    .select(['id', 'mode', sql<Date>`business_now(id)`.as('now')])
    .select(sql<Date>`code_outlives(id, business_now(id))`.as('outlive'))
    .where('id', '=', source.accountId)
    .executeTakeFirstOrThrow()
  const { items, rowCount, problems, problemCount } = await readAll(connection, account, source)
  for (;;) {
    const repeated = await findRepeatedRows(connection, PROBLEMS_KEPT_MAX)
    if (problemCount + repeated.count > 0) {
      return {
        outcome: 'refused',
        problems: firstProblems([...problems, ...repeated.problems]),
        problemCount: problemCount + repeated.count,
      }
    }
    try {
      return await inTransaction(connection, (tx) => storeAll(tx, source, { items, rowCount }))
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
    }
  }
}

/** `rowCount` counts the good rows, `problemCount` the bad ones. */
type ReadFile = { items: Item[]; rowCount: number; problems: RowProblem[]; problemCount: number }

/** Reads the file to its end: good rows are sealed and wait in their table. */
async function readAll(
  connection: Db,
  account: Account,
  source: CodeImportSource,
): Promise<ReadFile> {
  const items: Items = new Map()
  let problems: RowProblem[] = []
  let rowCount = 0
  let problemCount = 0
  for await (const batch of batchesOf(source.rows)) {
    await loadItems(connection, account.id, items, batch)
    const { good, bad } = sortOut(batch, items, { ...account, productId: source.productId })
    await insertImportRows(
      connection,
      good.map(({ row, item }) => ({
        line: row.line,
        productId: item.productId,
        variantId: item.variantId,
        code: source.seal(row, account.mode),
      })),
    )
    rowCount += good.length
    problemCount += bad.length
    problems = firstProblems([...problems, ...bad])
  }
  const known = [...items.values()].filter((item) => item !== null)
  return { items: known, rowCount, problems, problemCount }
}

function firstProblems(problems: RowProblem[]): RowProblem[] {
  return problems.toSorted((a, b) => a.line - b.line).slice(0, PROBLEMS_KEPT_MAX)
}

/** @throws Overtaken when a secret is stored already, and then nothing was. */
async function storeAll(
  tx: Tx,
  { accountId, printInventory, showStored }: CodeImportSource,
  { items, rowCount }: Pick<ReadFile, 'items' | 'rowCount'>,
): Promise<CodeImport> {
  await sql`select set_config('lock_timeout', ${`${LOCK_SECONDS_MAX}s`}, true)`.execute(tx)
  const progress = showStored?.(rowCount)
  let imported = 0
  for (let after = 0; ;) {
    const moved = await moveImportRows(tx, { accountId, after, rowsMax: MOVED_ROWS })
    if (moved === null) break
    if (moved.stored < moved.found) throw new Overtaken()
    imported += moved.stored
    after = moved.last
    progress?.add(moved.stored)
  }
  progress?.done()
  await insertStockLevels(tx, accountId, items)
  for (const productId of new Set(items.map((item) => item.productId).toSorted())) {
    await lookAtStock(tx, { accountId, productId }, printInventory)
  }
  const woken = await wakeBackorders(tx, accountId, items, 'codes were imported')
  return { outcome: 'imported', imported, woken }
}

/** Looks up the SKUs that are new; each once per file. */
async function loadItems(
  connection: Db,
  accountId: string,
  items: Items,
  batch: (CodeRow | RowProblem)[],
): Promise<void> {
  const fresh = new Set(
    batch.flatMap((row) => ('sku' in row && !items.has(row.sku) ? row.sku : [])),
  )
  if (fresh.size === 0) return
  const { rows } = await sql<Item & { sku: string; sellable: boolean }>`
    select s.sku, s.product_id as "productId", coalesce(s.variant_id, '') as "variantId",
      p.fulfillment_type = 'digital_code' as sellable
    from skus s join products p on p.account_id = s.account_id and p.id = s.product_id
    where s.account_id = ${accountId} and s.sku = any(${[...fresh]})`.execute(connection)
  for (const sku of fresh) items.set(sku, null)
  for (const { sku, ...item } of rows) items.set(sku, item)
}

type Candidate = { row: CodeRow; item: Item }

function sortOut(
  batch: (CodeRow | RowProblem)[],
  items: Items,
  rules: { now: Date; outlive: Date; productId: string | undefined },
): { good: Candidate[]; bad: RowProblem[] } {
  const good: Candidate[] = []
  const bad: RowProblem[] = []
  for (const row of batch) {
    if (!('sku' in row)) {
      bad.push(row)
      continue
    }
    const item = items.get(row.sku) ?? null
    const { line } = row
    if (item === null) bad.push({ line, message: 'no product and no variant has this sku' })
    else if (rules.productId !== undefined && item.productId !== rules.productId)
      bad.push({ line, message: 'the sku is of another product' })
    else if (!item.sellable)
      bad.push({
        line,
        message: 'the product of this sku has no codes: its fulfillment_type is physical',
      })
    else if (row.expiresAtMs !== null && row.expiresAtMs <= rules.now.getTime())
      bad.push({ line, message: 'has expired already' })
    else if (row.expiresAtMs !== null && row.expiresAtMs <= rules.outlive.getTime())
      bad.push({ line, message: 'expires too soon to be given to anybody' })
    else good.push({ row, item })
  }
  return { good, bad }
}

async function* batchesOf<T>(rows: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length === BATCH_ROWS) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}
