import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Database } from '../../db/client.ts'
import { CURRENCIES } from '../../domain/money.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase('currencies')
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 1,
    applicationName: 'test-currencies',
    onError: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

test('the database knows the same currencies with the same digits as domain/money.ts', async () => {
  const { rows } = await database.pool.query<{ code: string; exponent: number }>(
    'select code, exponent from currencies',
  )
  expect(Object.fromEntries(rows.map(({ code, exponent }) => [code, exponent]))).toEqual(CURRENCIES)
})
