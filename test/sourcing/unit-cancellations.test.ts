import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { cancelUnits } from '../../db/unit-cancellations.ts'
import { countUnits, listAttempts, makeProduct, openWorld, passTime, placeOrder } from './world.ts'
import type { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld('unit_cancellations')
})
afterAll(() => world.close())

test('what a supplier has is undone there and not bought again; what it has sold is kept', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-DELAYED'), 3)
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ sourcing: 3 })
  const [first, second] = (await listAttempts(world, order)).map(({ unit_id }) => unit_id)
  const owner = { accountId: world.accountId, customerId: world.customerId }
  const cancel = (unitId: string) =>
    inTransaction(world.database.db, (tx) =>
      cancelUnits(tx, owner, { transactionId: order.transactionId, unitIds: [unitId] }),
    )
  expect(await cancel(String(first))).toMatchObject([{ unit_id: first, state: 'sourcing' }])
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ cancelled: 1, sourcing: 2 })

  // Too late: the code is there when the supplier is asked to undo it.
  await passTime(world, 11)
  expect(await cancel(String(second))).toMatchObject([{ unit_id: second, state: 'sourcing' }])
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ cancelled: 1, allocated: 2 })
  const sold = (await world.supplier.ledger()).map(({ reference }) => reference)
  expect(sold.filter((reference) => reference.startsWith(String(first)))).toEqual([])
  expect((await listAttempts(world, order)).length).toBe(3)
})
