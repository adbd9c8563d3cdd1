import type { z } from 'zod'
import type { ApiClient } from './api-client.ts'
import {
  advanceClock,
  amountOf,
  BrokenPromise,
  expect,
  readyClock,
  see,
  type Story,
} from './demo-look.ts'
import {
  codeListShape,
  customerShape,
  productShape,
  transactionShape,
  type CodeList,
  type Transaction,
} from './demo-shapes.ts'

/** Where the demo's customer may be: somewhere it is always day. */
const PLACES = [
  {
    timeZone: 'America/New_York',
    address: { street: '9 Weaver Lane', city: 'Hudson', state: 'NY', zip: '12534', country: 'US' },
  },
  {
    timeZone: 'Europe/Athens',
    address: { street: 'Odos Myrtias 9', city: 'Patra', zip: '262 21', country: 'GR' },
  },
  {
    timeZone: 'Asia/Kolkata',
    address: { street: '9 Jacaranda Road', city: 'Pune', zip: '411001', country: 'IN' },
  },
  {
    timeZone: 'Pacific/Auckland',
    address: { street: '9 Rimu Lane', city: 'Nelson', zip: '7010', country: 'NZ' },
  },
]

/** A customer of the demo's own, so that its day is nobody else's. Answers its id. */
export async function welcomeCustomer({ did }: Story, api: ApiClient): Promise<string> {
  const { now } = await readyClock(api)
  const place = placeWithDaylight(new Date(now))
  const customer = await api.post(
    '/v2/customers',
    {
      email: `orders+${Date.now().toString(36)}@thistlecrane.example`,
      first_name: 'Rosalind',
      last_name: 'Crane',
      company: 'Thistle & Crane Gifts',
      time_zone: place.timeZone,
      addresses: [{ kind: 'billing', ...place.address }],
      tags: ['demo'],
    },
    customerShape,
  )
  did(`${customer.company} may order on credit; its day is that of ${customer.time_zone}`)
  return customer.id
}

/** Where it is morning now, so that the day does not end in the middle of the story. */
function placeWithDaylight(now: Date): (typeof PLACES)[number] {
  const hourIn = (timeZone: string) =>
    Number(new Intl.DateTimeFormat('en-GB', { timeZone, hour: 'numeric' }).format(now))
  const fromMorning = (timeZone: string) => Math.abs(hourIn(timeZone) - MORNING_HOUR)
  const [place] = PLACES.toSorted((a, b) => fromMorning(a.timeZone) - fromMorning(b.timeZone))
  if (place === undefined) throw new Error('There is no place')
  return place
}

const MORNING_HOUR = 10

/** SKUs of two products of which the own pool has plenty, in US dollars. */
export type Stock = { plenty: string; some: string }

/** Throws `BrokenPromise` when the pool is as good as empty. */
export async function findStock(api: ApiClient): Promise<Stock> {
  const products = await api.list('/v2/products?fulfillment_type=digital_code', productShape)
  const ownStock = ({ inventory, variants }: z.output<typeof productShape>) =>
    variants.reduce((left, variant) => left - variant.inventory, inventory)
  const [plenty, some] = products
    .filter((product) => product.currency === 'USD' && ownStock(product) >= STOCK_MIN)
    .toSorted((a, b) => ownStock(b) - ownStock(a))
  if (plenty === undefined || some === undefined) {
    throw new BrokenPromise(
      'Expected codes of two products in the pool. Import some (bark codes import) or start anew ' +
        '(npm start -- --reset)',
    )
  }
  return { plenty: plenty.sku, some: some.sku }
}

const STOCK_MIN = 3 // what one run takes of one product

/** Everything is in the own pool. */
export async function orderFromStock(
  { did }: Story,
  api: ApiClient,
  customerId: string,
  stock: Stock,
): Promise<Transaction> {
  const order = await placeOrder(api, customerId, {
    items: [
      { sku: stock.plenty, quantity: 2 },
      { sku: stock.some, quantity: 1 },
    ],
    allow_backorder: false,
  })
  const codes = await seeCodes(api, order, ({ status }) => status === 'complete')
  expect(codes.delivered === 3, `three codes from stock, not ${codes.delivered}`)
  did(`1: ${amountOf(order)}, all 3 codes at once, the first ends in ${endOf(codes)}`)
  return order
}

export type PartialOrder = { order: Transaction; before: CodeList }

/** The supplier has half of it at once. */
export async function orderPartly(
  { did }: Story,
  api: ApiClient,
  customerId: string,
): Promise<PartialOrder> {
  const order = await placeOrder(api, customerId, { items: [{ sku: 'TEST-PARTIAL', quantity: 4 }] })
  const before = await seeCodes(api, order, ({ delivered }) => delivered > 0)
  expect(
    before.status === 'partial' && before.delivered === 2 && before.remaining === 2,
    `two of four codes, not ${before.delivered} (${before.status})`,
  )
  did(`2: ${amountOf(order)}, 2 of 4 codes; the supplier has the others in processing`)
  return { order, before }
}

/** One order, two sources. */
export async function orderMixed(
  { did }: Story,
  api: ApiClient,
  customerId: string,
  stock: Stock,
): Promise<Transaction> {
  const order = await placeOrder(api, customerId, {
    items: [
      { sku: stock.plenty, quantity: 1 },
      { sku: 'TEST-INSTANT', quantity: 1 },
    ],
  })
  const codes = await seeCodes(api, order, ({ status }) => status === 'complete')
  expect(codes.delivered === 2, `two codes, not ${codes.delivered}`)
  did(`3: ${amountOf(order)}, one code from stock and one bought from the supplier`)
  return order
}

/** The clock moves, and what was in processing is there. */
export async function arriveLater({ did }: Story, api: ApiClient, { order, before }: PartialOrder) {
  await advanceClock(api, 'PT10S')
  // No waiting: the clock is ready when everything that it released is done.
  const after = await api.get(order.links.codes, codeListShape)
  expect(after.delivered === 4, `four codes, not ${after.delivered}`)
  const kept = before.codes.every(
    (unit) =>
      unit.code === null ||
      after.codes.some((now) => now.unit_id === unit.unit_id && now.code === unit.code),
  )
  expect(kept, 'the codes that were delivered first to be there unchanged')
  did('2 is complete: 4 of 4 codes, the first two unchanged')
}

async function placeOrder(
  api: ApiClient,
  customerId: string,
  order: { items: { sku: string; quantity: number }[]; allow_backorder?: boolean },
): Promise<Transaction> {
  return api.post('/v2/transactions', { customer_id: customerId, ...order }, transactionShape)
}

async function seeCodes(
  api: ApiClient,
  { links, id }: Transaction,
  isDone: (codes: CodeList) => boolean,
): Promise<CodeList> {
  return see(() => api.get(links.codes, codeListShape), isDone, `codes of ${id}`)
}

/** A demo's screen is often shared, so a code is not shown whole. */
function endOf({ codes }: CodeList): string {
  const [first] = codes
  return (first?.code ?? first?.url ?? '').slice(-4)
}
