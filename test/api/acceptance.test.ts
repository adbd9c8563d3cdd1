import { expect, test } from 'vitest'
import { createAcceptance, type AcceptanceLimits } from '../../api/acceptance.ts'
import { DomainError } from '../../domain/error.ts'
import { orderRequest } from '../order-request.ts'
import { acceptedOrder } from './accepted-order.ts'

const LIMITS: AcceptanceLimits = { perCustomerMax: 2, max: 3, waitMsMax: 1_000 }

/** An acceptance whose database answers only when the test says so. */
function heldAcceptance(limits = LIMITS) {
  const running: { id: string; finish: () => void; fail: (error: Error) => void }[] = []
  const acceptance = createAcceptance(
    ({ transaction_id }) =>
      new Promise((resolve, reject) => {
        running.push({
          id: transaction_id,
          finish: () => resolve(acceptedOrder(transaction_id)),
          fail: reject,
        })
      }),
    limits,
  )
  const take = () => {
    const next = running.shift()
    if (next === undefined) throw new Error('Nothing runs')
    return next
  }
  return { acceptance, running, take }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('one order of a customer runs at a time, in the order of arrival', async () => {
  const { acceptance, running, take } = heldAcceptance()
  const orders = ['a', 'b', 'c'].map((id) =>
    acceptance.accept(orderRequest({ transaction_id: id })),
  )
  const seen: string[] = []
  for (let n = 0; n < 3; n++) {
    expect(running).toHaveLength(1)
    const next = take()
    seen.push(next.id)
    next.finish()
    await settle()
  }
  expect(seen).toEqual(['a', 'b', 'c'])
  expect((await Promise.all(orders)).map((order) => order.transaction.id)).toEqual(seen)
})

test('customers do not wait for each other', async () => {
  const { acceptance, running, take } = heldAcceptance()
  const orders = [
    acceptance.accept(orderRequest({ transaction_id: 'a' })),
    acceptance.accept(orderRequest({ transaction_id: 'b', customer_id: 'cust_2' })),
    acceptance.accept(orderRequest({ transaction_id: 'c', account_id: 'acc_2' })),
  ]
  await settle()
  expect(running.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  while (running.length > 0) take().finish()
  expect(await Promise.all(orders)).toHaveLength(3)
})

test('a failed order lets the next one run', async () => {
  const { acceptance, take } = heldAcceptance()
  const first = acceptance.accept(orderRequest({ transaction_id: 'a' }))
  const second = acceptance.accept(orderRequest({ transaction_id: 'b' }))
  take().fail(new Error('lost'))
  await expect(first).rejects.toThrow('lost')
  await settle()
  take().finish()
  expect((await second).transaction.id).toBe('b')
})

test('a full queue refuses without asking the database', async () => {
  const { acceptance, running, take } = heldAcceptance()
  const orders = ['a', 'b', 'c'].map((id) =>
    acceptance.accept(orderRequest({ transaction_id: id })),
  )
  await expect(acceptance.accept(orderRequest({ transaction_id: 'd' }))).rejects.toMatchObject({
    reason: 'busy',
    detail: { retryAfterSeconds: 1 },
  })
  // The third waiting place is another customer's; after it the whole process is full.
  const other = { customer_id: 'cust_2' }
  const others = ['e', 'f'].map((id) =>
    acceptance.accept(orderRequest({ ...other, transaction_id: id })),
  )
  await expect(acceptance.accept(orderRequest({ ...other, transaction_id: 'g' }))).rejects.toThrow(
    DomainError,
  )
  expect(running.map(({ id }) => id)).toEqual(['a', 'e'])
  for (let served = 0; served < 5;) {
    for (; running.length > 0; served++) take().finish()
    await settle()
  }
  expect(await Promise.all([...orders, ...others])).toHaveLength(5)
})

test('who waits too long is refused, and the others move up', async () => {
  const { acceptance, running, take } = heldAcceptance({ ...LIMITS, waitMsMax: 20 })
  const first = acceptance.accept(orderRequest({ transaction_id: 'a' }))
  const late = acceptance.accept(orderRequest({ transaction_id: 'b' }))
  await expect(late).rejects.toMatchObject({ reason: 'busy' })
  const next = acceptance.accept(orderRequest({ transaction_id: 'c' }))
  take().finish()
  await settle()
  expect(running.map(({ id }) => id)).toEqual(['c'])
  take().finish()
  expect((await Promise.all([first, next])).map((order) => order.transaction.id)).toEqual([
    'a',
    'c',
  ])
})

test('a duplicate under the same key joins the one that runs or waits', async () => {
  const { acceptance, running, take } = heldAcceptance()
  const keyed = (id: string) => orderRequest({ transaction_id: id, idempotency_key: 'k' })
  const ahead = acceptance.accept(orderRequest({ transaction_id: 'ahead' }))
  const orders = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => acceptance.accept(keyed(id)))
  take().finish()
  await ahead
  await settle()
  expect(running).toHaveLength(1)
  take().finish()
  const answers = await Promise.all(orders)
  expect(answers.map((order) => order.transaction.id)).toEqual(Array(6).fill('a'))
  expect(answers.map((order) => order.replayed)).toEqual([false, true, true, true, true, true])
  expect(running).toHaveLength(0)
})

test.for([
  ['account', { account_id: 'acc_2' }],
  ['bound customer', { customer_scope: 'cust_1' }],
  ['key', { idempotency_key: 'other' }],
])('another %s does not join', async ([, over]) => {
  const { acceptance, running, take } = heldAcceptance()
  const mine = orderRequest({ transaction_id: 'a', idempotency_key: 'k' })
  const orders = [
    acceptance.accept(mine),
    acceptance.accept({ ...mine, customer_id: 'cust_9', ...Object(over), transaction_id: 'b' }),
  ]
  await settle()
  expect(running).toHaveLength(2)
  while (running.length > 0) take().finish()
  expect((await Promise.all(orders)).every((order) => !order.replayed)).toBe(true)
})

test('other content under the same key is judged by the database after the first has ended', async () => {
  const { acceptance, running, take } = heldAcceptance()
  const first = acceptance.accept(orderRequest({ transaction_id: 'a', idempotency_key: 'k' }))
  const other = acceptance.accept(
    orderRequest({
      transaction_id: 'b',
      idempotency_key: 'k',
      content_hash: 'bb',
      customer_id: 'c2',
    }),
  )
  await settle()
  expect(running.map(({ id }) => id)).toEqual(['a'])
  take().fail(new DomainError('out_of_stock', 'none'))
  await expect(first).rejects.toThrow('none')
  await settle()
  take().finish()
  expect(await other).toMatchObject({ replayed: false, transaction: { id: 'b' } })
})
