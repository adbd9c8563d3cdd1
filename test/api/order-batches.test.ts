import { expect, test } from 'vitest'
import { createOrderBatches, type BatchLimits } from '../../api/order-batches.ts'
import type { AcceptedOrder, OrderOutcome, OrderRequest } from '../../db/order-acceptance.ts'
import { DomainError } from '../../domain/error.ts'
import { orderRequest } from '../order-request.ts'
import { acceptedOrder } from './accepted-order.ts'

const LIMITS: BatchLimits = { statementsMax: 1, ordersMax: 3, unitsMax: 10, waitMsMax: 60_000 }

type Statement = {
  ids: string[]
  answer(outcomes?: (OrderOutcome | undefined)[]): void
  fail(error: unknown): void
}

/** Batches whose database answers only when the test says so; who goes alone is answered at once. */
function heldBatches(limits: Partial<BatchLimits> = {}) {
  const statements: Statement[] = []
  const alone: string[] = []
  const accept = createOrderBatches(
    {
      one({ transaction_id }) {
        alone.push(transaction_id)
        return Promise.resolve(acceptedOrder(transaction_id))
      },
      many: (requests) =>
        new Promise((resolve, reject) => {
          const ids = requests.map(({ transaction_id }) => transaction_id)
          statements.push({
            ids,
            answer: (outcomes = []) =>
              resolve(ids.map((id, n) => outcomes[n] ?? acceptedOrder(id))),
            fail: reject,
          })
        }),
    },
    { ...LIMITS, ...limits },
  )
  const take = () => {
    const next = statements.shift()
    if (next === undefined) throw new Error('No statement is under way')
    return next
  }
  const place = (id: string, over: Partial<OrderRequest> = {}) =>
    accept(orderRequest({ transaction_id: id, ...over }))
  return { place, statements, alone, take }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))
const idOf = (order: AcceptedOrder) => order.transaction.id
const items = (quantity: number) => [
  { product_id: 'prod_1', sku: null, variant_id: null, quantity, price: null },
]

test('the first goes at once and alone, and what arrives meanwhile goes together', async () => {
  const { place, statements, take } = heldBatches()
  const orders = ['a', 'b', 'c'].map((id) => place(id))
  expect(statements.map(({ ids }) => ids)).toEqual([['a']])
  take().answer()
  await settle()
  expect(statements.map(({ ids }) => ids)).toEqual([['b', 'c']])
  take().answer()
  expect((await Promise.all(orders)).map(idOf)).toEqual(['a', 'b', 'c'])
})

test('a statement takes so many orders and units, in the order of arrival', async () => {
  const { place, take } = heldBatches()
  const orders = [
    place('a'),
    ...['b', 'c', 'd', 'e'].map((id) => place(id)),
    ...['f', 'g'].map((id) => place(id, { items: items(6) })),
  ]
  const seen: string[][] = []
  for (let n = 0; n < 4; n++) {
    const next = take()
    seen.push(next.ids)
    next.answer()
    await settle()
  }
  expect(seen).toEqual([['a'], ['b', 'c', 'd'], ['e', 'f'], ['g']])
  expect(await Promise.all(orders)).toHaveLength(7)
})

test('so many statements are under way at once', async () => {
  const { place, statements, take } = heldBatches({ statementsMax: 2 })
  const orders = ['a', 'b', 'c'].map((id) => place(id))
  expect(statements.map(({ ids }) => ids)).toEqual([['a'], ['b']])
  for (let n = 0; n < 3; n++) {
    take().answer()
    await settle()
  }
  expect(await Promise.all(orders)).toHaveLength(3)
})

test('who has waited long goes, whatever is under way', async () => {
  const { place, statements, take } = heldBatches({ waitMsMax: 10 })
  const orders = ['a', 'b', 'c'].map((id) => place(id))
  await expect.poll(() => statements.length).toBe(2)
  expect(statements[1]?.ids).toEqual(['b', 'c'])
  while (statements.length > 0) take().answer()
  expect(await Promise.all(orders)).toHaveLength(3)
})

test('what cannot go with others goes alone, and nobody waits for it', async () => {
  const { place, statements, alone } = heldBatches()
  const orders = [
    place('none left', { allow_backorder: false, items: items(1) }),
    place('large', { items: items(11) }),
  ]
  expect((await Promise.all(orders)).map(idOf)).toEqual(['none left', 'large'])
  expect(alone).toEqual(['none left', 'large'])
  expect(statements).toHaveLength(0)
})

test('each gets its own outcome; who was locked is asked for alone', async () => {
  const { place, alone, take } = heldBatches()
  const orders = ['a', 'b', 'c', 'd'].map((id) => place(id))
  take().answer()
  await settle()
  take().answer([new DomainError('credit_exceeded', 'too much'), 'locked'])
  const outcomes = await Promise.allSettled(orders)
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect(outcomes[1]).toMatchObject({ reason: { reason: 'credit_exceeded' } })
  expect(alone).toEqual(['c'])
})

test('a statement that PostgreSQL undid is asked for order by order', async () => {
  const { place, alone, take } = heldBatches()
  const orders = ['a', 'b', 'c'].map((id) => place(id))
  take().answer()
  await settle()
  take().fail(Object.assign(new Error('deadlock'), { code: '40P01' }))
  expect((await Promise.all(orders)).map(idOf)).toEqual(['a', 'b', 'c'])
  expect(alone).toEqual(['b', 'c'])
})

test.each([
  ['a connection that broke', new Error('Connection terminated unexpectedly')],
  ['a server that goes down', Object.assign(new Error('shut down'), { code: '57P01' })],
])('after %s nobody is accepted twice: all hear of it', async (_, error) => {
  const { place, alone, take } = heldBatches()
  const orders = ['a', 'b', 'c'].map((id) => place(id))
  take().answer()
  await settle()
  take().fail(error)
  const outcomes = await Promise.allSettled(orders)
  const lost = { status: 'rejected', reason: error }
  expect(outcomes.slice(1)).toEqual([lost, lost])
  expect(alone).toEqual([])
})
