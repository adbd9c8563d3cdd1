import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction, openDatabase, type Database } from '../../db/client.ts'
import { retireAttempts } from '../../db/sweep.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'

/** The log of attempts is kept by the month. */

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase('webhook-retention')
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 2,
    applicationName: 'test-retention',
    onError: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

const MONTHS_KEPT = 3

/** An attempt that was made so many whole months ago, in a partition of its own month or without. */
async function attemptMonthsAgo(months: number, hasPartition: boolean): Promise<void> {
  const at = sql`clock_timestamp() - make_interval(months => ${months})`
  if (hasPartition) {
    await sql`select create_month_partition('attempts', (${at})::date)`.execute(database.db)
  }
  await sql`
    insert into attempts (id, account_id, delivery_id, number, started_at, created_at)
    values (new_id('att'), 'acc_x', ${`dlv_${months}`}, 1, ${at}, ${at})`.execute(database.db)
}

const kept = async () =>
  (
    await database.db.selectFrom('attempts').select('delivery_id').orderBy('delivery_id').execute()
  ).map((row) => row.delivery_id)

const retire = () => inTransaction(database.db, (tx) => retireAttempts(tx, MONTHS_KEPT))

test('months that ended longer ago are dropped, all others stay, also while somebody reads', async () => {
  await attemptMonthsAgo(9, false)
  await attemptMonthsAgo(5, true)
  await attemptMonthsAgo(4, true)
  await attemptMonthsAgo(2, true)
  await attemptMonthsAgo(1, true)
  await attemptMonthsAgo(0, false)

  await inTransaction(database.db, async (reader) => {
    await reader.selectFrom('attempts').select('id').execute()
    await retire()
  })
  expect(await kept()).toEqual(['dlv_0', 'dlv_1', 'dlv_2', 'dlv_4', 'dlv_5', 'dlv_9'])

  await retire()
  await retire()
  expect(await kept()).toEqual(['dlv_0', 'dlv_1', 'dlv_2'])
  const { rows } = await sql<{ partitions: string }>`
    select count(*) as partitions from pg_inherits
    where inhparent = 'attempts'::regclass`.execute(database.db)
  expect(Number(rows[0]?.partitions)).toBe(3) // two months and the rest
})
