import type { Cluster } from './cluster.ts'
import { openHistory } from './history.ts'
import type { Violation } from './invariants.ts'
import { fieldsOf, listOf } from './json.ts'
import type { Told } from './merchant.ts'

type Place = Pick<Cluster, 'database' | 'apiUrl'>

/** I1: every acknowledged order is there, and final. I2: each key made exactly one. */
export async function checkAccepted({ database }: Place, told: Told): Promise<Violation[]> {
  const violations: Violation[] = []
  const rows = await database.db
    .selectFrom('transactions')
    .select(['id', 'ended_at'])
    .where('account_id', '=', told.accountId)
    .execute()
  const found = new Map(rows.map(({ id, ended_at }) => [id, ended_at]))
  const lost = told.orders.filter(({ id }) => !found.has(id))
  if (lost.length > 0) {
    violations.push({ invariant: 'I1', what: 'an acknowledged order is not there', rows: lost })
  }
  const open = rows.filter(({ ended_at }) => ended_at === null)
  if (open.length > 0) {
    violations.push({ invariant: 'I1', what: 'an order is not final after the drain', rows: open })
  }
  if (found.size !== told.orders.length) {
    const what = `${told.orders.length} keys made ${found.size} orders`
    violations.push({ invariant: 'I2', what, rows: [...found.keys()] })
  }
  const keys = await database.db
    .selectFrom('idempotency_keys')
    .select(['key', 'transaction_id'])
    .where('account_id', '=', told.accountId)
    .where('operation', '=', 'createOrder')
    .execute()
  const wrong = told.orders.filter(
    ({ key, id }) => keys.find((row) => row.key === key)?.transaction_id !== id,
  )
  if (wrong.length > 0) {
    violations.push({ invariant: 'I2', what: 'a key does not lead to its order', rows: wrong })
  }
  return violations
}

/** I24: to the key of another account nothing of the story exists. */
export async function checkStranger({ apiUrl }: Place, told: Told): Promise<Violation[]> {
  const stranger = openHistory(apiUrl, told.strangerKey)
  const seen: unknown[] = []
  const own = told.client.operations
    .filter(({ method, path }) => method === 'GET' && /_[0-9a-f]{26}/.test(path))
    .map(({ path }) => path)
  for (const path of new Set(own)) {
    const answer = await stranger.ask({ name: `stranger ${path}`, path })
    if (answer.status !== 404) seen.push({ path, status: answer.status })
  }
  for (const list of [
    'transactions',
    'orders',
    'purchase-orders',
    'invoices',
    'webhooks',
    'events',
    'payments/intents',
    'refunds',
    'credit-notes',
  ]) {
    const answer = await stranger.ask({ name: `stranger lists ${list}`, path: `/v2/${list}` })
    const data = listOf(fieldsOf(answer.body)['data'])
    if (answer.status !== 200 || data.length > 0) seen.push({ list, status: answer.status, data })
  }
  if (seen.length === 0) return []
  return [{ invariant: 'I24', what: "another account sees the story's rows", rows: seen }]
}
