import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGate, type Visitor } from '../../api/middleware/gate.ts'
import { openDatabase, type Database } from '../../db/client.ts'

const IN_FLIGHT_MAX = 400
const POOL_SIZE = 16
const ROOM = 5 * POOL_SIZE // while the loop is late, without a flood
const visitor: Visitor = { accountId: 'acc_1', reserved: false }

let database: Database
beforeAll(() => {
  // Nobody is asked: the gate looks at who waits for a connection.
  database = openDatabase({
    url: 'postgres://127.0.0.1:1/none',
    poolSizeMax: POOL_SIZE,
    applicationName: 'test-gate',
    onError: () => undefined,
  })
})
afterAll(() => database.close())

/** Keeps the event loop from its timers, as a flood of refusals does. */
function block(ms: number): void {
  const endsAt = performance.now() + ms
  while (performance.now() < endsAt);
}

test('in a flood who is inside gives way: a place that becomes free is not given away at once', async () => {
  const gate = createGate(database, IN_FLIGHT_MAX)
  const works = Array.from({ length: ROOM }, () => Promise.withResolvers<void>())
  const inside = works.map((work) => gate.run(visitor, () => work.promise))
  const leave = async (count: number) => {
    for (const work of works.splice(0, count)) work.resolve()
    await Promise.all(inside.splice(0, count))
  }
  block(150)
  for (let n = 0; n < 2 * ROOM; n++) expect(gate.refuses(visitor)).not.toBeNull()
  await leave(5)
  block(150)
  expect(gate.refuses(visitor), 'five of eighty places are free').not.toBeNull()
  await leave(works.length)
  expect(gate.refuses(visitor), 'everybody has left').toBeNull()
  gate.close()
})
