import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../harness.ts'
import { checkDatabase } from '../invariants.ts'
import { seededRandom } from '../random.ts'
import { keepResult, readRun } from '../run.ts'
import { openShop, type Shop } from '../scenarios/shop.ts'
import { openFleet, type Fleet } from './fleet.ts'

/**
 * Sixteen clients order from one customer while its midnight passes, and the closer is killed again and
 * again around it: by the account's own clock, with the workflow's own timer.
 */

const run = readRun()
const long = run.matrix === 'all'
const MIDNIGHTS = long ? 12 : 1
const KILLS = long ? 4 : 2 // of the worker, around each midnight
const CLIENTS = 16
const BEFORE_MS = 4_000 // the first orders are accepted by then
const AFTER_MS = 2_000

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet('matrix_midnight')
}, 120_000)
afterAll(() => fleet.stop())

/** Puts the account's clock shortly before its next midnight; answers when that is, in real time. */
async function standBeforeMidnight(shop: Shop): Promise<number> {
  const { rows } = await sql<{ now: Date }>`
    update test_clocks set offset_ms = offset_ms + ceil(extract(epoch from
        (date_trunc('day', business_now(account_id) at time zone 'UTC') + interval '1 day')
          at time zone 'UTC' - business_now(account_id)) * 1000) - ${BEFORE_MS}
    where account_id = ${shop.accountId} returning clock_timestamp() as now`.execute(
    fleet.database.db,
  )
  return (rows[0]?.now.getTime() ?? 0) + BEFORE_MS
}

/** Orders, all clients at once, until a while after midnight; answers what was acknowledged. */
async function orderAcross(shop: Shop, midnight: number): Promise<string[]> {
  const accepted: string[] = []
  const client = async (): Promise<void> => {
    while (Date.now() < midnight + AFTER_MS) accepted.push(await shop.order(1))
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  // However slow the machine was: at least one order belongs to the new day.
  accepted.push(await shop.order(1))
  return accepted
}

type Day = {
  id: string
  date: string
  state: string
  transactions: string[]
  billed: number
  lines: number
  invoices: number
}

async function readDays(shop: Shop): Promise<Day[]> {
  const { rows } = await sql<Day>`
    select po.id, po.business_date::text as date, po.state,
      array(select t.id from transactions t where t.purchase_order_id = po.id) as transactions,
      (select count(*)::integer from units u where u.purchase_order_id = po.id
        and u.invoice_line_id is not null) as billed,
      (select coalesce(sum(l.quantity), 0)::integer from invoice_lines l
        join invoices i on i.id = l.invoice_id where i.purchase_order_id = po.id) as lines,
      (select count(*)::integer from invoices i where i.purchase_order_id = po.id) as invoices
    from purchase_orders po where po.account_id = ${shop.accountId}
    order by po.business_date, po.sequence`.execute(fleet.database.db)
  return rows
}

/** Orders that stand on a day which is not that of the instant of their acceptance. */
async function countMisplaced(shop: Shop): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::integer as n from transactions t
    join purchase_orders po on po.id = t.purchase_order_id
    where t.account_id = ${shop.accountId}
      and (t.accepted_at at time zone 'UTC')::date <> po.business_date`.execute(fleet.database.db)
  return rows[0]?.n ?? 0
}

async function readHashes(shop: Shop): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; hash: string }>`
    select i.id, encode(i.snapshot_hash, 'hex') || coalesce((select string_agg(
      encode(d.sha256, 'hex'), ' ' order by d.format) from invoice_documents d
      where d.invoice_id = i.id), '') as hash
    from invoices i where i.account_id = ${shop.accountId}`.execute(fleet.database.db)
  return new Map(rows.map(({ id, hash }) => [id, hash]))
}

/** One midnight. Answers how many orders there were. */
async function pass(kill: (midnight: number) => Promise<void>): Promise<number> {
  const shop = await openShop(
    { ...fleet, apiUrl: fleet.apiDirectUrl },
    { codes: long ? 3_000 : 800 },
  )
  const midnight = await standBeforeMidnight(shop)
  const [accepted] = await Promise.all([orderAcross(shop, midnight), kill(midnight)])
  expect(new Set(accepted).size).toBe(accepted.length)

  // Both days are closed and billed, and the worker dies once more while the second one is.
  await shop.advance(3_600)
  const first = await readHashes(shop)
  const advanced = shop.advance(30 * 3_600)
  await worker().kill()
  await advanced
  const days = await eventually(
    () => readDays(shop),
    (seen) => seen.every(({ state }) => state === 'invoiced'),
    120_000,
  )
  expect(days.length).toBe(2)
  expect(days.flatMap(({ transactions }) => transactions).toSorted()).toEqual(accepted.toSorted())
  expect(await countMisplaced(shop)).toBe(0)
  for (const { transactions, billed, lines, invoices } of days) {
    expect({ billed, lines, invoices }).toEqual({
      billed: transactions.length,
      lines: transactions.length,
      invoices: 1,
    })
  }
  const hashes = await readHashes(shop)
  for (const [id, hash] of first) expect(hashes.get(id)).toBe(hash)
  expect(first.size).toBe(1)
  return accepted.length
}

function worker() {
  const found = fleet.mortals.find(({ name }) => name === 'worker')
  if (found === undefined) throw new Error('There is no worker')
  return found
}

test(
  `${MIDNIGHTS} midnights under ${CLIENTS} clients with the closer killed: none lost, none twice, no gap`,
  async () => {
    const random = seededRandom(run.seed)
    let orders = 0
    for (let midnight = 0; midnight < MIDNIGHTS; midnight++) {
      const moments = Array.from({ length: KILLS }, () => random.integer(3_000) - 1_500)
      orders += await pass(async (at) => {
        for (const moment of moments.toSorted((a, b) => a - b)) {
          await eventually(
            async () => Date.now(),
            (now) => now >= at + moment,
            60_000,
          )
          await worker().kill()
          await worker().up()
        }
      })
    }
    keepResult(run, 'rows', { row: 'orders around midnight', orders, midnights: MIDNIGHTS })
    process.stdout.write(`${orders} orders around ${MIDNIGHTS} midnights, 0 lost, 0 twice\n`)
    expect(await checkDatabase(fleet.database.db)).toEqual([])
  },
  MIDNIGHTS * 120_000 + 180_000,
)
