import { expect, test } from 'vitest'
import { openDatabase } from '../../db/client.ts'
import { PAYMENT_MOVES } from '../../domain/payment.ts'
import { createTestDatabase } from '../stack.ts'

test('SQL allows the same moves of a payment as the table in domain', async () => {
  const testDatabase = await createTestDatabase('payment-moves')
  const { db, close } = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 1,
    applicationName: 'test-payment-moves',
    onError: () => undefined,
  })
  const rows = await db.selectFrom('payment_moves').select(['from_state', 'to_state']).execute()
  await close()
  await testDatabase.drop()
  const inSql = rows.map((row) => `${row.from_state} ${row.to_state}`)
  const inDomain = Object.entries(PAYMENT_MOVES).flatMap(([from, all]) =>
    all.map((to) => `${from} ${to}`),
  )
  expect(inSql.toSorted()).toEqual(inDomain.toSorted())
})
