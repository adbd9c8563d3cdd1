import { randomInt } from 'node:crypto'
import {
  cutOf,
  decide,
  decideClaim,
  PROCESSING_RETRY_SECONDS,
  sells,
  unitOf,
} from './supplier-rules.ts'
import type { Entry, Order, Sale, SupplierStore } from './supplier-store.ts'

/** No letters or digits that are mistaken for one another. */
const CODE_LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789'

/** What TEST-PARTIAL says beside its codes. */
const DETAILS = { face_value: '25.00 EUR', redeem_instructions: 'Enter the code at the checkout.' }
const NO_DETAILS = { face_value: null, redeem_instructions: null }

export type AskedItem = { reference: string; sku: string }
export type AnsweredItem = {
  reference: string
  state: 'delivered' | 'processing' | 'none' | 'not_found'
} & Partial<HandedOut & { retry_after_seconds: number }>

/** What a buyer gets of a sale. */
type HandedOut = Omit<Sale, 'reference' | 'sku' | 'sold_at'>

function handOut({ reference: _, sku: _sku, sold_at: _at, ...code }: Sale): HandedOut {
  return code
}

/** A request that cannot be used: nothing was placed. */
export class Refusal extends Error {
  readonly status: 400 | 409
  constructor(message: string, status: 400 | 409 = 400) {
    super(message)
    this.status = status
  }
}

/**
 * Places what is new; what was placed stays as it is, so an order may be sent any number of times.
 * Answers whether the reply shall be lost. Throws `Refusal`, and then nothing was placed.
 */
export function placeItems(store: SupplierStore, items: AskedItem[], now: Date): boolean {
  const placed: Entry[] = []
  const shelves = new Map<string, Shelf>()
  let cut = false
  for (const item of items) {
    const shelf = shelves.get(item.sku) ?? openShelf(store, items, item.sku)
    shelves.set(item.sku, shelf)
    shelf.nth += 1
    const known = store.order(item.reference)
    if (known !== undefined) {
      if (known.sku !== '' && known.sku !== item.sku)
        throw new Refusal('A reference was used for another sku', 409)
      continue
    }
    const cutting = store.wasCut(item.reference) ? null : cutOf(item.sku)
    if (cutting !== null) {
      cut = true
      placed.push({ cut: item.reference })
      if (cutting === 'before_selling') continue
    }
    const order = makeOrder(store, item, now, shelf)
    shelf.sold += order.sales.length
    shelf.last = order.sales.at(-1) ?? shelf.last
    placed.push({ order })
  }
  store.append(placed)
  return cut
}

/** One SKU within one request: which item of how many, and what was sold of it, up to this one. */
type Shelf = { nth: number; count: number; sold: number; last: Sale | undefined }

function openShelf(store: SupplierStore, items: AskedItem[], sku: string): Shelf {
  const sold = store.soldOf(sku)
  const count = items.filter((item) => item.sku === sku).length
  return { nth: 0, count, sold: sold.length, last: sold.at(-1) }
}

function makeOrder(
  store: SupplierStore,
  { reference, sku }: AskedItem,
  now: Date,
  { nth, count, sold, last }: Shelf,
): Order {
  const first = store.firstPlacedAt(unitOf(reference))
  const waitedSeconds = first === undefined ? 0 : (now.getTime() - Date.parse(first)) / 1000
  const decision = decide({ sku, nth, count, soldBefore: sold, waitedSeconds })
  const placed_at = now.toISOString()
  const placed = { reference, sku, placed_at }
  if (!decision.sell) {
    return { ...placed, state: 'none', ready_at: null, processing_left: 0, sales: [] }
  }
  const sale =
    decision.repeat && last !== undefined
      ? { ...last, reference, sold_at: placed_at }
      : makeSale(reference, sku, placed_at, sold)
  return {
    ...placed,
    state: 'sold',
    ready_at: new Date(now.getTime() + decision.delaySeconds * 1000).toISOString(),
    processing_left: decision.processingAnswers,
    sales: decision.surplus ? [sale, makeSale(reference, sku, placed_at, sold + 1)] : [sale],
  }
}

function makeSale(reference: string, sku: string, soldAt: string, soldBefore: number): Sale {
  const letters = Array.from({ length: 16 }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)])
  const aYearOn = new Date(Date.parse(soldAt) + 365 * 86_400_000).toISOString()
  return {
    reference,
    sku,
    code: letters.join('').replaceAll(/(.{4})(?=.)/g, '$1-'),
    pin: sku === 'TEST-DELAYED' ? String(randomInt(10_000)).padStart(4, '0') : null,
    serial: `SBX-${String(soldBefore + 1).padStart(7, '0')}`,
    expires_at: sku === 'TEST-PARTIAL' ? aYearOn : null,
    ...(sku === 'TEST-PARTIAL' ? DETAILS : NO_DETAILS),
    activation_at: sku === 'TEST-PARTIAL' ? soldAt : null,
    sold_at: soldAt,
  }
}

/** One item per code that is handed out, or one that says why there is none. */
export function answer(store: SupplierStore, reference: string, now: Date): AnsweredItem[] {
  const order = store.order(reference)
  if (order === undefined) return [{ reference, state: 'not_found' }]
  if (order.state === 'none' || order.ready_at === null) return [{ reference, state: 'none' }]
  const leftSeconds = Math.ceil((Date.parse(order.ready_at) - now.getTime()) / 1000)
  if (leftSeconds > 0) return [{ reference, state: 'processing', retry_after_seconds: leftSeconds }]
  if (order.processing_left > 0) {
    return [{ reference, state: 'processing', retry_after_seconds: PROCESSING_RETRY_SECONDS }]
  }
  return order.sales.map((sale) => ({ reference, state: 'delivered', ...handOut(sale) }))
}

/**
 * Undoes what was not handed out. A reference that was never ordered is refused from now on, so that
 * an order that is still on its way finds nothing to buy.
 */
export function cancelOrders(store: SupplierStore, references: string[], now: Date): void {
  store.append(
    references.flatMap((reference) => {
      const order = store.order(reference)
      if (order !== undefined && answer(store, reference, now)[0]?.state !== 'processing') return []
      const refused = { state: 'none', ready_at: null, processing_left: 0, sales: [] } as const
      const placed = order ?? { reference, sku: '', placed_at: now.toISOString() }
      return [
        {
          order: {
            reference,
            sku: placed.sku,
            placed_at: placed.placed_at,
            ...refused,
            sales: [...refused.sales],
          },
        },
      ]
    }),
  )
}

/** What is sold now; every other SKU is not. */
export function quoteSkus(skus: string[]) {
  return skus.filter(sells).map((sku) => ({ sku, available: null, cost: '20.00', currency: 'USD' }))
}

export type ClaimAnswer = {
  state: 'replaced' | 'refunded' | 'rejected' | 'unsupported'
} & Partial<HandedOut>

/** Decides a claim once; repeating it repeats the answer. */
export function answerClaim(
  store: SupplierStore,
  { claim, reference }: { claim: string; reference: string },
  now: Date,
): ClaimAnswer {
  const order = store.order(reference)
  const kept = store.order(claimReference(claim))
  const sku = order?.sku ?? ''
  const decision = decideClaim(sku)
  if (order === undefined || order.sales.length === 0) return { state: 'rejected' }
  if (decision !== 'replaced') return { state: decision }
  const sale = kept?.sales[0] ?? makeSale(claimReference(claim), sku, now.toISOString(), 0)
  if (kept === undefined) {
    const placed_at = now.toISOString()
    const placed = { reference: sale.reference, sku, placed_at, ready_at: placed_at }
    store.append([{ order: { ...placed, state: 'sold', processing_left: 0, sales: [sale] } }])
  }
  return { state: 'replaced', ...handOut(sale) }
}

/** A replacement stands in the ledger under its claim, at no cost. */
function claimReference(claim: string): string {
  return `claim:${claim}`
}

/** A question about an order that says "processing" so many times uses one of them up. */
export function countDown(store: SupplierStore, reference: string): { order: Order }[] {
  const order = store.order(reference)
  if (order === undefined || order.processing_left === 0) return []
  return [{ order: { ...order, processing_left: order.processing_left - 1 } }]
}
