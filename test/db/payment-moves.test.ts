import { expect, test } from 'vitest'
import { openDatabase } from '../../db/client.ts'
import { DISPUTE_MOVES } from '../../domain/dispute.ts'
import { PAYMENT_MOVES } from '../../domain/payment.ts'
import { createTestDatabase } from '../stack.ts'

test.each([
  ['payment_moves', PAYMENT_MOVES],
  ['dispute_moves', DISPUTE_MOVES],
] as const)('SQL allows the same %s as the table in domain', async (table, moves) => {
  const testDatabase = await createTestDatabase(table)
  const { db, close } = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 1,
    applicationName: `test-${table}`,
    onError: () => undefined,
  })
  const rows = await db.selectFrom(table).select(['from_state', 'to_state']).execute()
  await close()
  await testDatabase.drop()
  const inSql = rows.map((row) => `${row.from_state} ${row.to_state}`)
  const inDomain = Object.entries<readonly string[]>(moves).flatMap(([from, all]) =>
    all.map((to) => `${from} ${to}`),
  )
  expect(inSql.toSorted()).toEqual(inDomain.toSorted())
})
