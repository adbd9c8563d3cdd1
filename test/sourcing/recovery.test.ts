import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { NO_CODE_DETAILS, openCodeKeys, sealCode } from '../../secrets/seal-code.ts'
import { sourcingActivities } from '../../activities/sourcing.ts'
import { inTransaction } from '../../db/client.ts'
import { recordSupplierAnswers } from '../../db/sourcing-answers.ts'
import { claimSourcingBatch } from '../../db/sourcing.ts'
import { importCodes } from '../factories.ts'
import {
  closeBreakers,
  countUnits,
  endLeases,
  listAttempts,
  listStoredCodes,
  liveOn,
  makeProduct,
  openWorld,
  passTime,
  placeOrder,
  type World,
  keys,
} from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld('sourcing_recovery')
})
afterEach(async () => {
  world.link.setMode({ kind: 'pass' })
  await closeBreakers(world)
})
afterAll(() => world.close())

const LIMITS = { itemsMax: 200, graceSeconds: 10 }

/** A process that dies at one step: before the call, or after it and before the answer is kept. */
async function dyingActivities(step: 'before_call' | 'after_call') {
  const supplier = await world.deps.suppliers({ adapter: 'sandbox' })
  return sourcingActivities({
    ...world.deps,
    suppliers: () => ({
      ...supplier,
      async order(items, context) {
        if (step === 'after_call') await supplier.order(items, context)
        throw new Error('killed')
      },
    }),
  })
}

/** What a process claims before it calls the supplier. */
async function claimBatch(order: { accountId: string; transactionId: string }) {
  const claim = await inTransaction(world.database.db, (tx) =>
    claimSourcingBatch(tx, order, LIMITS),
  )
  if (claim === null || !('batch' in claim)) throw new Error('nothing was claimed')
  return claim.batch
}

/** What every recording says of the call beside its answers. */
function heard({ supplierId, callId }: { supplierId: string; callId: string }) {
  return { supplierId, callId, said: 'HTTP 200', reached: true }
}

test.each(['before_call', 'after_call'] as const)(
  'a process killed %s leaves a reference that is asked about before anything is bought',
  async (step) => {
    const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 3)
    const soldBefore = (await world.supplier.ledger()).length
    await expect((await dyingActivities(step)).sourceCodes(order)).rejects.toThrow('killed')
    expect(await countUnits(world, order)).toEqual({ sourcing: 3 })
    const left = await listAttempts(world, order)

    // While the dead one may still act, nobody else does, and nobody spins.
    expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 0 })
    const look = await world.activities.awaitCodes(order)
    expect(look).toMatchObject({ ended: false, toSource: false })

    await endLeases(world)
    expect(await world.activities.awaitCodes(order)).toMatchObject({ toSource: true })
    await liveOn(world, order)
    expect(await countUnits(world, order)).toEqual({ allocated: 3 })
    expect((await world.supplier.ledger()).length).toBe(soldBefore + 3)
    const attempts = await listAttempts(world, order)
    expect(attempts.map((attempt) => attempt.reference)).toEqual(left.map((one) => one.reference))
  },
)

test('many processes at once buy each unit once', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 50)
  const soldBefore = (await world.supplier.ledger()).length
  const runs = await Promise.all(
    Array.from({ length: 6 }, () => world.activities.sourceCodes(order)),
  )
  expect(runs.reduce((sum, run) => sum + run.delivered, 0)).toBe(50)
  expect((await world.supplier.ledger()).length).toBe(soldBefore + 50)
})

test('a code for a unit that needs none any more is kept aside, whoever brings it', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  const batch = await claimBatch(order)
  const item = batch.items[0]
  if (!item) throw new Error('nothing was claimed')
  // Its process is frozen. Another one hears that the order never came, and buys.
  await endLeases(world)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 2, delivered: 1 })

  const code = sealCode(await openCodeKeys(world.deps.keys, world.accountId), 'test', {
    type: 'code',
    secret: { code: 'LATE-LATE-LATE', pin: null, serial: null, url: null },
    ...NO_CODE_DETAILS,
  })
  const answers = {
    ...heard(batch),
    answers: [{ attemptId: item.attemptId, answer: 'delivered' as const, code, cost: null }],
    surplus: [],
  }
  const { tally } = await inTransaction(world.database.db, (tx) =>
    recordSupplierAnswers(tx, order, answers),
  )
  expect(tally).toMatchObject({ delivered: 0, quarantined: 1 })
  const { tally: again } = await inTransaction(world.database.db, (tx) =>
    recordSupplierAnswers(tx, order, answers),
  )
  expect(again).toMatchObject({ delivered: 0, quarantined: 0 })
  const late = (await listStoredCodes(world)).filter((one) => one.quarantine === 'late')
  expect(late).toMatchObject([{ unitId: null, reference: item.reference }])
  expect(await countUnits(world, order)).toEqual({ allocated: 1 })
})

test('an order that was believed lost and did arrive is welcome', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-DELAYED'), 1)
  const batch = await claimBatch(order)
  const item = batch.items[0]
  if (!item) throw new Error('nothing was claimed')
  const record = (answer: 'not_placed' | 'processing') =>
    inTransaction(world.database.db, (tx) =>
      recordSupplierAnswers(tx, order, {
        ...heard(batch),
        answers: [{ attemptId: item.attemptId, answer, retryAfterSeconds: null }],
        surplus: [],
      }),
    )
  await record('not_placed')
  expect(await countUnits(world, order)).toEqual({ backordered: 1 })
  await record('processing')
  expect(await countUnits(world, order)).toEqual({ sourcing: 1 })
})

test('an old attempt that turns out to be in progress changes nothing for a unit with its code', async () => {
  const product = await makeProduct(world, 'TEST-INSTANT', 'TEST-INSTANT')
  const order = await placeOrder(world, product, 1)
  const batch = await claimBatch(order)
  const attemptId = batch.items[0]?.attemptId ?? ''
  const record = (answer: 'not_placed' | 'processing') =>
    inTransaction(world.database.db, (tx) =>
      recordSupplierAnswers(tx, order, {
        ...heard(batch),
        answers: [{ attemptId, answer, retryAfterSeconds: null }],
        surplus: [],
      }),
    )
  await record('not_placed')
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, delivered: 1 })
  expect((await record('processing')).tally).toMatchObject({ processing: 0 })
  expect(await countUnits(world, order)).toEqual({ allocated: 1 })
})

test('a code that expires within a day is paid for and kept aside; the unit gets another', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  const supplier = await world.deps.suppliers({ adapter: 'sandbox' })
  let good = 23
  const activities = sourcingActivities({
    ...world.deps,
    suppliers: () => ({
      ...supplier,
      async order(items, { now }) {
        const answer = await supplier.order(items, { now })
        const expiresAt = new Date(now.getTime() + good * 3_600_000)
        const results = answer.results.map((result) =>
          result.state === 'delivered'
            ? { ...result, code: { ...result.code, expiresAt } }
            : result,
        )
        return { ...answer, results }
      },
    }),
  })
  expect(await activities.sourceCodes(order)).toMatchObject({ rejected: 1, quarantined: 1 })
  expect(await countUnits(world, order)).toEqual({ backordered: 1 })
  good = 25
  await passTime(world, 10)
  expect(await activities.sourceCodes(order)).toMatchObject({ delivered: 1, quarantined: 0 })
  expect(await countUnits(world, order)).toEqual({ allocated: 1 })
  const aside = (await listStoredCodes(world)).filter((one) => one.quarantine !== null)
  expect(aside.map((one) => one.quarantine)).toContain('expires_too_soon')
})

test('a foreign code and a repeated one are kept aside or left out, and the unit gets its own', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  const sold = (code: string) => ({
    type: 'code' as const,
    secret: { code, pin: null, serial: null, url: null },
    ...NO_CODE_DETAILS,
    cost: null,
  })
  const supplier = await world.deps.suppliers({ adapter: 'sandbox' })
  const activities = sourcingActivities({
    ...world.deps,
    suppliers: () => ({
      ...supplier,
      order: ([item]) =>
        Promise.resolve({
          results: [
            { reference: item?.reference ?? '', state: 'delivered', code: sold('OWN-OWN') },
          ],
          surplus: [
            { reference: item?.reference ?? '', code: sold('OWN-OWN') },
            { reference: 'foreign-1', code: sold('FOREIGN') },
          ],
          said: 'HTTP 200',
          reached: true,
        }),
    }),
  })
  expect(await activities.sourceCodes(order)).toMatchObject({ delivered: 1, quarantined: 1 })
  const stored = (await listStoredCodes(world)).map((one) => [one.secret.code, one.quarantine])
  expect(stored).toContainEqual(['OWN-OWN', null])
  expect(stored).toContainEqual(['FOREIGN', 'foreign'])
})

test('codes that come into the pool meanwhile are used instead of buying again', async () => {
  const product = await makeProduct(world, 'TEST-OUT-OF-STOCK')
  const order = await placeOrder(world, product, 1)
  await world.activities.sourceCodes(order)
  const account = { accountId: world.accountId, mode: 'test' as const }
  await importCodes(world.database, keys, account, { productId: product.id }, 1)
  await passTime(world, 10)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 0 })
  expect(await countUnits(world, order)).toEqual({ allocated: 1 })
})
