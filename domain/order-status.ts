import type { UnitState } from './unit.ts'

/**
 * What an order is called. Statuses are never stored: they follow from its units, so they cannot
 * disagree with them. Each list of words is one table; the SQL filters are made from the same one.
 */

/** Every state of a unit, in the order in which a unit may pass them. */
export const UNIT_STATES = [
  'queued',
  'sourcing',
  'allocated',
  'backordered',
  'unknown',
  'failed',
  'cancelled',
  'reversed',
] as const satisfies readonly UnitState[]

/** How many units of an order are in which state; a state without units may be left out. */
export type UnitCounts = Partial<Record<UnitState, number>>

/** How a unit counts on the wire. A reversed unit was delivered: its code was shown. */
const COUNTS_AS: Readonly<Record<UnitState, 'remaining' | 'delivered' | 'failed' | 'cancelled'>> = {
  queued: 'remaining',
  sourcing: 'remaining',
  backordered: 'remaining',
  unknown: 'remaining',
  allocated: 'delivered',
  reversed: 'delivered',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** Unit states that count as remaining: a code may still come. */
export const OPEN_UNIT_STATES = UNIT_STATES.filter((state) => COUNTS_AS[state] === 'remaining')
/** Unit states that count as delivered. */
export const DELIVERED_UNIT_STATES = UNIT_STATES.filter((state) => COUNTS_AS[state] === 'delivered')

/** The words for one unit in a code list; `reason` tells the four kinds of processing apart. */
export const CODE_STATES = ['processing', 'available', 'failed', 'cancelled', 'reversed'] as const
export type CodeState = (typeof CODE_STATES)[number]

/** The wire word for a unit's state. */
export function codeState(state: UnitState): CodeState {
  if (state === 'reversed') return 'reversed'
  const countsAs = COUNTS_AS[state]
  if (countsAs === 'remaining') return 'processing'
  return countsAs === 'delivered' ? 'available' : countsAs
}

/** requested = delivered + remaining + failed + cancelled, always. */
export type Tally = {
  requested: number
  delivered: number
  remaining: number
  failed: number
  cancelled: number
}

/** Adds the units up by how they count on the wire. */
export function tallyUnits(units: UnitCounts): Tally {
  const tally: Tally = { requested: 0, delivered: 0, remaining: 0, failed: 0, cancelled: 0 }
  for (const state of UNIT_STATES) {
    const count = units[state] ?? 0
    tally[COUNTS_AS[state]] += count
    tally.requested += count
  }
  return tally
}

/** What decides an order's statuses: each is a plain question about its units. */
export const SIGNS = [
  'begun',
  'open',
  'delivered',
  'failed',
  'awaiting',
  'declined',
  'paid',
  'refunded',
] as const
export type Sign = (typeof SIGNS)[number]

/** Everything about an order that changes. */
export type OrderProgress = {
  units: UnitCounts
  /** Delivered units whose invoice is paid. */
  paidUnits: number
  /** Left out on credit. */
  money?: OrderMoney | null
}

/** The money of an order that is not on credit, in minor units, as SQL's `order_money` says it. */
export type OrderMoney = {
  /** What the order costs with its tax; null until that is decided. */
  due: number | null
  /** Whether all of it came: from then on codes are bought. */
  paid: boolean
  captured: number
  refunded: number
  /** A payment was declined, and none is under way. */
  declined: boolean
  /** Ids of its payments, the first first. */
  payments: string[]
}

/** The answers to the questions. */
export function readSigns({ units, paidUnits, money }: OrderProgress): Record<Sign, boolean> {
  const tally = tallyUnits(units)
  const owed = money ?? null
  const refunded = owed !== null && owed.captured > 0 && owed.captured === owed.refunded
  const billsPaid = tally.remaining === 0 && tally.delivered > 0 && paidUnits === tally.delivered
  return {
    begun: (units.queued ?? 0) < tally.requested,
    open: tally.remaining > 0,
    delivered: tally.delivered > 0,
    failed: tally.failed > 0,
    awaiting: owed !== null && !owed.paid,
    declined: owed !== null && owed.declined,
    paid: owed === null ? billsPaid : owed.paid && !refunded,
    refunded,
  }
}

/** A row of a status table: the word for the orders whose signs are as given; others do not matter. */
export type StatusRule<Status extends string> = { is: Status; when: Partial<Record<Sign, boolean>> }
export type StatusTable<Status extends string> = readonly StatusRule<Status>[]

export const TRANSACTION_STATUSES = [
  'awaiting_payment',
  'processing',
  'partial',
  'complete',
  'partially_failed',
  'failed',
  'cancelled',
] as const
export type TransactionStatus = (typeof TRANSACTION_STATUSES)[number]

export const TRANSACTION_STATUS_TABLE: StatusTable<TransactionStatus> = [
  { is: 'awaiting_payment', when: { open: true, delivered: false, awaiting: true } },
  { is: 'processing', when: { open: true, delivered: false, awaiting: false } },
  { is: 'partial', when: { open: true, delivered: true } },
  { is: 'complete', when: { open: false, delivered: true, failed: false } },
  { is: 'partially_failed', when: { open: false, delivered: true, failed: true } },
  { is: 'failed', when: { open: false, delivered: false, failed: true } },
  { is: 'cancelled', when: { open: false, delivered: false, failed: false } },
]

export const CODE_LIST_STATUSES = ['processing', 'partial', 'complete', 'failed'] as const
export type CodeListStatus = (typeof CODE_LIST_STATUSES)[number]

/** `partial` stays when the end is partial; `failed` also when everything was cancelled. */
export const CODE_LIST_STATUS_TABLE: StatusTable<CodeListStatus> = [
  { is: 'processing', when: { open: true, delivered: false } },
  { is: 'partial', when: { open: true, delivered: true } },
  { is: 'partial', when: { open: false, delivered: true, failed: true } },
  { is: 'complete', when: { open: false, delivered: true, failed: false } },
  { is: 'failed', when: { open: false, delivered: false } },
]

export const ORDER_STATUSES = [
  'pending',
  'processing',
  'shipped',
  'delivered',
  'cancelled',
] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

/** `shipped` has no row: no order holds goods yet. */
export const ORDER_STATUS_TABLE: StatusTable<OrderStatus> = [
  { is: 'pending', when: { begun: false } },
  { is: 'processing', when: { begun: true, open: true } },
  { is: 'delivered', when: { open: false, delivered: true } },
  { is: 'cancelled', when: { open: false, delivered: false, begun: true } },
]

export const PAYMENT_STATUSES = ['pending', 'paid', 'failed', 'refunded'] as const
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number]

/** An order on credit is paid when its invoices are, any other when its money has come. */
export const PAYMENT_STATUS_TABLE: StatusTable<PaymentStatus> = [
  { is: 'refunded', when: { refunded: true } },
  { is: 'failed', when: { refunded: false, declined: true } },
  { is: 'paid', when: { refunded: false, declined: false, paid: true } },
  { is: 'pending', when: { refunded: false, declined: false, paid: false } },
]

export const FULFILLMENT_STATUSES = ['unfulfilled', 'partial', 'fulfilled'] as const
export type FulfillmentStatus = (typeof FULFILLMENT_STATUSES)[number]

export const FULFILLMENT_STATUS_TABLE: StatusTable<FulfillmentStatus> = [
  { is: 'unfulfilled', when: { delivered: false } },
  { is: 'partial', when: { delivered: true, open: true } },
  { is: 'fulfilled', when: { delivered: true, open: false } },
]

/**
 * The word of the one row that fits.
 *
 * @throws RangeError when no row fits: a table with a hole is a programmer's mistake
 */
export function deriveStatus<Status extends string>(
  table: StatusTable<Status>,
  progress: OrderProgress,
): Status {
  const signs = readSigns(progress)
  const rule = table.find(({ when }) =>
    SIGNS.every((sign) => when[sign] === undefined || when[sign] === signs[sign]),
  )
  if (rule === undefined) throw new RangeError(`No status for ${JSON.stringify(signs)}`)
  return rule.is
}
