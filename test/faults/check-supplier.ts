import { openKeys } from '../../cli/open-keys.ts'
import type { Cluster } from './cluster.ts'
import type { Violation } from './invariants.ts'
import { fieldsOf, listOf } from './json.ts'

type Place = Pick<Cluster, 'database' | 'keys' | 'supplierControlUrl'>

type Sale = { reference: string; code: string }

/**
 * I9, I7: what the supplier's own ledger says was sold is what is stored, one for one, under our
 * references; no unit was paid for twice. Over everything that the cluster ever did.
 */
export async function checkLedger(place: Place): Promise<Violation[]> {
  const sales = await readLedger(place.supplierControlUrl)
  const codes = await readSupplierCodes(place)
  const stored = new Map(codes.map((code) => [code.reference, code]))
  const violations: Violation[] = []
  const report = (invariant: string, what: string, rows: unknown[]) => {
    if (rows.length > 0) violations.push({ invariant, what, rows: rows.slice(0, 5) })
  }
  report(
    'I9',
    'paid for at the supplier and not stored',
    sales.filter(({ reference, code }) => stored.get(reference)?.code !== code),
  )
  const sold = new Set(sales.map(({ reference }) => reference))
  report(
    'I9',
    'stored and never sold',
    codes.filter(({ reference }) => !sold.has(reference)),
  )
  const attempts = await place.database.db
    .selectFrom('sourcing_attempts')
    .select(['unit_id', 'reference'])
    .execute()
  const paid = attempts.filter(({ reference }) => sold.has(reference))
  const byUnit = Map.groupBy(paid, ({ unit_id }) => unit_id)
  report(
    'I9',
    'a unit was paid for twice',
    [...byUnit.values()].filter((members) => members.length > 1),
  )
  report(
    'I9',
    'bought under a reference that was not stored before',
    sales.filter(({ reference }) => !attempts.some((attempt) => attempt.reference === reference)),
  )
  return violations
}

/** Code texts that the supplier sold: canaries, as those of the own pool. */
export async function readLedger(supplierUrl: string): Promise<Sale[]> {
  const response = await fetch(`${supplierUrl}/ledger`)
  const body: unknown = await response.json()
  return listOf(fieldsOf(body)['sales']).map((each) => {
    const sale = fieldsOf(each)
    return { reference: String(sale['reference']), code: String(sale['code']) }
  })
}

async function readSupplierCodes({ database, keys }: Place) {
  const rows = await database.db
    .selectFrom('codes')
    .select(['id', 'account_id', 'sealed', 'key_version', 'supplier_reference', 'unit_id'])
    .where('supplier_reference', 'is not', null)
    .execute()
  const { ring } = openKeys(database, { keys })
  return Promise.all(
    rows.map(async (row) => {
      const opening = await ring.forOpening(row.account_id, [row.key_version])
      const sealed = { rowId: row.id, sealed: row.sealed, keyVersion: row.key_version }
      const secret: unknown = JSON.parse(opening.unseal(sealed))
      const reference = row.supplier_reference ?? ''
      return { reference, code: String(fieldsOf(secret)['code']), unitId: row.unit_id }
    }),
  )
}
