import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Database } from '../../db/client.ts'
import { OPEN_UNIT_STATES, UNIT_STATES } from '../../domain/order-status.ts'
import { canUnitMove, UNBOUGHT_UNIT_STATES, UNIT_MOVES, type UnitState } from '../../domain/unit.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'

let own: TestDatabase
let database: Database
beforeAll(async () => {
  own = await createTestDatabase('unit_moves')
  database = openDatabase({
    url: own.url,
    poolSizeMax: 1,
    applicationName: 'unit_moves',
    onError: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await own.drop()
})

test('the table of legal moves is the one that PostgreSQL enforces', async () => {
  const rows = await database.db
    .selectFrom('unit_moves')
    .select(['from_state', 'to_state'])
    .execute()
  const inSql = rows.map((row) => `${row.from_state} to ${row.to_state}`)
  const here = Object.entries(UNIT_MOVES).flatMap(([from, to]) =>
    to.map((state) => `${from} to ${state}`),
  )
  expect(inSql.toSorted()).toEqual(here.toSorted())
})

test('knows exactly the states that units are in', () => {
  expect(Object.keys(UNIT_MOVES).toSorted()).toEqual([...UNIT_STATES].toSorted())
})

test('an allocated unit never loses its code again, and an ended one never moves', () => {
  const all: UnitState[] = [...UNIT_STATES]
  expect(all.filter((to) => canUnitMove('allocated', to))).toEqual(['reversed'])
  for (const ended of ['failed', 'cancelled', 'reversed'] as const) {
    expect(all.filter((to) => canUnitMove(ended, to))).toEqual([])
  }
})

test('only units that no supplier can have are bought or given up', () => {
  const unbought: readonly UnitState[] = UNBOUGHT_UNIT_STATES
  expect(OPEN_UNIT_STATES.filter((state) => !unbought.includes(state))).toEqual([
    'sourcing',
    'unknown',
  ])
})
