import { sql } from 'kysely'
import type { CodeRow, RowProblem } from '../domain/code-import.ts'
import { inTransaction, type Db, type Tx } from './client.ts'
import { wakeBackorders } from './backorders.ts'
import { insertNewCodes, type NewCode, type SealedCode } from './new-codes.ts'
import { lookAtStock, type InventoryRow } from './stock-levels.ts'

export type CodeImport =
  | { outcome: 'imported'; imported: number; woken: number }
  /** Nothing was imported. `problems` holds the first ones, `problemCount` counts all. */
  | { outcome: 'refused'; problems: RowProblem[]; problemCount: number }

export type CodeImportSource = {
  accountId: string
  /** Opens the rows from the beginning; called again when a deadlock undid the first try. */
  openRows: () => AsyncIterable<CodeRow | RowProblem>
  /** Encrypts one row for an account of this mode. */
  seal: (row: CodeRow, mode: 'live' | 'test') => SealedCode
  /** How the stock goes over the wire, for those who hear that there is more. */
  printInventory: (inventory: InventoryRow) => Record<string, unknown>
  /** The one product whose SKUs the rows may name. */
  productId?: string
}

const BATCH_ROWS = 1_000 // one statement of about half a megabyte
const PROBLEMS_KEPT_MAX = 100 // a file with more is wrong as a whole

/**
 * Puts codes into the own pool: all of them, or none when one row is bad. A secret that is stored
 * already, in any account of the mode, is bad, so importing a file twice imports it once. Then
 * every transaction that waits for one of the products is woken once, oldest first. Throws
 * when there is no such account.
 */
export async function importCodes(db: Db, source: CodeImportSource): Promise<CodeImport> {
  try {
    return await inTransaction(db, (tx) => importAll(tx, source))
  } catch (error) {
    if (error instanceof Refused) return error.result
    throw error
  }
}

/** Undoes the transaction and carries the reasons out of it. */
class Refused extends Error {
  readonly result: CodeImport & { outcome: 'refused' }
  constructor(problems: RowProblem[], problemCount: number) {
    super(`${problemCount} rows cannot be imported`)
    this.result = { outcome: 'refused', problems, problemCount }
  }
}

/** What a SKU means; null: nothing in this account. */
type Items = Map<string, (Item & { sellable: boolean }) | null>
type Item = { productId: string; variantId: string }
type Account = { id: string; mode: 'live' | 'test'; now: Date; outlive: Date }

async function importAll(tx: Tx, source: CodeImportSource): Promise<CodeImport> {
  const account = await tx
    .selectFrom('accounts')
    .select(['id', 'mode', sql<Date>`business_now(id)`.as('now')])
    .select(sql<Date>`code_outlives(id, business_now(id))`.as('outlive'))
    .where('id', '=', source.accountId)
    .executeTakeFirstOrThrow()
  const items: Items = new Map()
  const problems: RowProblem[] = []
  let problemCount = 0
  let imported = 0
  for await (const batch of batchesOf(source.openRows())) {
    await loadItems(tx, account.id, items, batch)
    const { good, bad } = sortOut(batch, items, { ...account, productId: source.productId })
    const repeated = await insertRows(tx, account, good, source.seal)
    const all = [...bad, ...repeated]
    imported += good.length
    problemCount += all.length
    problems.push(...all)
    problems.sort((a, b) => a.line - b.line).splice(PROBLEMS_KEPT_MAX)
  }
  if (problemCount > 0) throw new Refused(problems, problemCount)
  const used = [...items.values()].filter((item) => item !== null)
  for (const productId of new Set(used.map((item) => item.productId).toSorted())) {
    await lookAtStock(tx, { accountId: account.id, productId }, source.printInventory)
  }
  return {
    outcome: 'imported',
    imported,
    woken: await wakeBackorders(tx, account.id, used, 'codes were imported'),
  }
}

/** Looks up the SKUs that are new; each once per file. */
async function loadItems(
  tx: Tx,
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
    where s.account_id = ${accountId} and s.sku = any(${[...fresh]})`.execute(tx)
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

/** Answers the rows whose secret was stored before. */
async function insertRows(
  tx: Tx,
  account: Account,
  good: Candidate[],
  seal: CodeImportSource['seal'],
): Promise<RowProblem[]> {
  const sealed = good.map(({ row, item }) => ({ row, item, code: seal(row, account.mode) }))
  const stored = await insertNewCodes(
    tx,
    account.id,
    sealed.map(({ item, code }): NewCode => {
      return {
        code,
        productId: item.productId,
        variantId: item.variantId,
        supply: null,
        place: 'pool',
      }
    }),
    account.now,
  )
  const repeated = sealed.filter(({ code }) => !stored.has(code.id))
  if (repeated.length === 0) return []
  // Rows of this very transaction came from this file, all others were there before it.
  const { rows: earlier } = await sql<{ blind_index: Buffer }>`
    select blind_index from codes
    where blind_index = any(${repeated.map(({ code }) => code.blindIndex)}::bytea[])
      and xmin = pg_current_xact_id()::xid`.execute(tx)
  const inFile = new Set(earlier.map((one) => one.blind_index.toString('hex')))
  return repeated.map(({ row, code }) => ({
    line: row.line,
    message: inFile.has(code.blindIndex.toString('hex'))
      ? 'the same code stands on another line'
      : 'this code is stored already',
  }))
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
