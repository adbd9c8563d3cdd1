import { sql, type RawBuilder } from 'kysely'
import {
  DELIVERED_UNIT_STATES,
  FULFILLMENT_STATUS_TABLE,
  OPEN_UNIT_STATES,
  ORDER_STATUS_TABLE,
  PAYMENT_STATUS_TABLE,
  SIGNS,
  TRANSACTION_STATUS_TABLE,
  type FulfillmentStatus,
  type OrderStatus,
  type PaymentStatus,
  type Sign,
  type StatusTable,
  type TransactionStatus,
} from '../domain/order-status.ts'

/** Derived statuses to filter by; all that are given must hold. */
export type OrderStatusFilter = {
  transactionStatus?: TransactionStatus
  orderStatus?: OrderStatus
  paymentStatus?: PaymentStatus
  fulfillmentStatus?: FulfillmentStatus
}

/**
 * The status tables of `domain/order-status.ts` as one condition on the units of `transactions`, or
 * null when no status is asked for. A word without a row in its table matches nothing.
 */
export function orderStatusFilter(filter: OrderStatusFilter): RawBuilder<boolean> | null {
  const wanted = [
    rulesFor(TRANSACTION_STATUS_TABLE, filter.transactionStatus),
    rulesFor(ORDER_STATUS_TABLE, filter.orderStatus),
    rulesFor(PAYMENT_STATUS_TABLE, filter.paymentStatus),
    rulesFor(FULFILLMENT_STATUS_TABLE, filter.fulfillmentStatus),
  ].filter((rules) => rules !== null)
  if (wanted.length === 0) return null
  if (wanted.some((rules) => rules.length === 0)) return sql<boolean>`false`

  const condition = sql.join(
    wanted.map((rules) => sql`(${sql.join(rules.map(ruleCondition), sql` or `)})`),
    sql` and `,
  )
  // One row whatever is asked: `having` makes it an aggregate also where no sign looks at a unit.
  // `is true` and the limit leave only the keys' indexes: an index of the account would find all orders.
  // A replacement is not something that was ordered: it does not count, as in `order_state`.
  const units = sql`(select ${condition} from units u
    left join lateral (select i.state from invoice_lines l join invoices i on i.id = l.invoice_id
      where l.id = u.invoice_line_id limit 1) i on true
    where u.transaction_id = transactions.id and (u.account_id = transactions.account_id) is true
      and u.replaces_unit_id is null
    having true)`
  // What has ended has no open unit; the reverse may lag, so it is no filter. It lets the index on
  // unfinished orders answer the question that is asked most, and that on units that were given up the
  // ones whose answer is rare.
  const isCertain = (holds: (rule: Rule) => boolean) => wanted.some((rules) => rules.every(holds))
  const narrowed = [
    ...(isCertain(({ open }) => open === true) ? [sql`transactions.ended_at is null`] : []),
    ...(isCertain(hasGivenUp) ? [GIVEN_UP] : []),
    units,
  ]
  return sql<boolean>`(${sql.join(narrowed, sql` and `)})`
}

const GIVEN_UP = sql`transactions.id in (select g.transaction_id from units g
  where g.account_id = transactions.account_id and g.state in ('failed', 'cancelled'))`

/** Whether an order with these signs must have a unit that failed or was cancelled. */
function hasGivenUp({ open, delivered, failed }: Rule): boolean {
  return failed === true || (open === false && delivered === false)
}

const MONEY = sql`(case when transactions.pay_by is not null
  then order_money(transactions.account_id, transactions.id) end)`
const REFUNDED = sql`coalesce((${MONEY} ->> 'captured')::bigint > 0
  and ${MONEY} -> 'captured' = ${MONEY} -> 'refunded', false)`

type Rule = Partial<Record<Sign, boolean>>

function rulesFor<Status extends string>(
  table: StatusTable<Status>,
  wanted: Status | undefined,
): Rule[] | null {
  if (wanted === undefined) return null
  return table.filter((rule) => rule.is === wanted).map((rule) => rule.when)
}

function ruleCondition(rule: Rule): RawBuilder<unknown> {
  const parts = SIGNS.filter((sign) => rule[sign] !== undefined).map((sign) =>
    rule[sign] === true ? signCondition(sign) : sql`not ${signCondition(sign)}`,
  )
  return sql`(${sql.join(parts, sql` and `)})`
}

/** The aggregate over the units that answers the same question as `readSigns`; never null. */
function signCondition(sign: Sign): RawBuilder<unknown> {
  const delivered = sql`u.state = any(${DELIVERED_UNIT_STATES})`
  switch (sign) {
    case 'begun':
      return sql`bool_or(u.state <> 'queued')`
    case 'open':
      return sql`bool_or(u.state = any(${OPEN_UNIT_STATES}))`
    case 'delivered':
      return sql`bool_or(${delivered})`
    case 'failed':
      return sql`bool_or(u.state = 'failed')`
    case 'awaiting':
      return sql`(transactions.pay_by is not null and transactions.paid_at is null)`
    case 'declined':
      return sql`coalesce((${MONEY} ->> 'declined')::boolean, false)`
    case 'refunded':
      return REFUNDED
    case 'paid':
      return sql`(case when transactions.pay_by is not null
        then transactions.paid_at is not null and not ${REFUNDED}
        else bool_or(${delivered}) and not bool_or(u.state = any(${OPEN_UNIT_STATES}))
          and bool_and(not (${delivered}) or coalesce(i.state = 'paid', false)) end)`
  }
}
