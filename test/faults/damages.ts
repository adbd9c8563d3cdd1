import { sql, type RawBuilder } from 'kysely'

/** Ways to break the rows of a story that was told, past every constraint: which promise, in words, how. */
export type Damage = [invariant: string, words: string, statements: RawBuilder<unknown>[]]

/** The id of the n-th order, from 0. */
export const order = (n: number) =>
  sql`(select id from transactions order by id offset ${n} limit 1)`
const aUnit = sql`(select id from units order by id limit 1)`
/** The id of a delivery that was tried twice. */
export const aDelivery = sql`(select id from deliveries where attempt_count = 2 limit 1)`

/** What the database alone shows. */
export const DAMAGES: Damage[] = [
  ['I2', 'a key without its order', [sql`update idempotency_keys set transaction_id = 'txn_x'`]],
  ['I4', 'an order of another currency', [sql`update transactions set currency = 'EUR'`]],
  [
    'I5',
    'an order accepted outside of its day',
    [sql`update transactions set accepted_at = accepted_at - interval '3 days'`],
  ],
  [
    'I5',
    'a later position with an earlier instant',
    [
      sql`update transactions set accepted_at = accepted_at + interval '1 hour'
          where id = ${order(0)}`,
    ],
  ],
  [
    'I6',
    'an order after the close',
    [sql`update purchase_orders set closed_at = period_start - interval '1 second'`],
  ],
  ['I6', 'a gap in the positions', [sql`update transactions set position = 5 where position = 2`]],
  ['I7', 'a delivered unit without a code', [sql`delete from codes where unit_id = ${aUnit}`]],
  ['I8', 'a unit too few', [sql`delete from units where id = ${aUnit}`]],
  [
    'I8',
    'an ended order with an open unit',
    [
      sql`update units set state = 'queued', allocated_at = null, invoice_line_id = null
          where state = 'allocated'`,
    ],
  ],
  ['I14', 'a total that is not the sum', [sql`update transactions set total_minor = 1`]],
  ['I14', 'a hold that stays', [sql`update customer_balances set held_minor = 7`]],
  ['I14', 'a debt without an invoice', [sql`update customer_balances set invoiced_minor = 7`]],
  [
    'I14',
    'an invoice off its lines',
    [sql`update invoices set subtotal_minor = subtotal_minor + 1, total_minor = total_minor + 1`],
  ],
  ['I15', 'a gap in the numbers', [sql`update invoices set number_value = 2`]],
  ['I15', 'a number that was never used', [sql`update counters set value = value + 1`]],
  [
    'I16',
    'a line with a unit too many',
    [sql`update invoice_lines set quantity = 9, net_minor = unit_price_minor * 9`],
  ],
  [
    'I16',
    'a delivered unit that is on no invoice',
    [sql`update units set invoice_line_id = null where id = ${aUnit}`],
  ],
  [
    'I17',
    'an invoice that changed',
    [sql`update invoices set snapshot = snapshot || '{"number": "INV-X"}'`],
  ],
  [
    'I18',
    'a delivery that ended without an attempt',
    [sql`delete from attempts where delivery_id = ${aDelivery}`],
  ],
  ['I18', 'a failed one after two', [sql`update deliveries set state = 'failed'`]],
  [
    'I20',
    'an event that is missing',
    [sql`delete from events where object_id = ${order(0)} and sequence = 1`],
  ],
  [
    'I20',
    'an end that was never told',
    [sql`update events set type = 'order.updated' where type = 'order.fulfilled'`],
  ],
  [
    'I22',
    'a code that was given before the money came',
    [sql`update transactions set paid_at = paid_at + interval '1 second'`],
  ],
]

/** The table's own checks would refuse such rows: without them somebody else has to see it. */
const unchecked = ['check', 'check1', 'check2'].map(
  (name) => sql`alter table payment_intents drop constraint ${sql.id(`payment_intents_${name}`)}`,
)
/** What the payment service's books show beside ours. */
export const MONEY_DAMAGES: Damage[] = [
  [
    'I11',
    'a capture that is not known',
    [...unchecked, sql`update payment_intents set captured_minor = 0`],
  ],
  ['I11', 'a refund that is not known', [sql`update payment_intents set refunded_minor = 0`]],
  ['I11', 'a line of the ledger too few', [sql`delete from entries`]],
  [
    'I12',
    'more captured than agreed',
    [...unchecked, sql`update payment_intents set authorized_minor = 1`],
  ],
  [
    'I12',
    'more held back than is left',
    [...unchecked, sql`update payment_intents set refund_held_minor = 1`],
  ],
  ['I13', 'a payment of nobody', [sql`update payment_intents set provider_id = 'pi_other'`]],
]
