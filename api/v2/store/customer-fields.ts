import { isDeepStrictEqual } from 'node:util'
import { z } from '@hono/zod-openapi'
import type { Address, CustomerRow, CustomerValues } from '../../../db/customers.ts'
import { AMOUNT_MINOR_MAX, isCurrency } from '../../../domain/money.ts'
import { newId } from '../../../new-id.ts'
import {
  addressField,
  addressFields,
  amountField,
  instantField,
  line,
  metadataField,
  toMinor,
} from '../../fields.ts'

const ADDRESSES_MAX = 50
const TAGS_MAX = 50
const CURRENCIES_MAX = 30

export const tagField = line(50).regex(/^[^,]*$/, 'Must not hold a comma')

export const timeZoneField = z
  .string()
  .max(64)
  .refine(isTimeZone, 'Is not an IANA time zone')
  .openapi({ example: 'America/Santiago' })

export const cutOffField = z
  .string()
  .regex(/^(?:(?!00:00)(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'Must be a time from 00:01 to 24:00')
  .openapi({ example: '18:00', description: 'Local time at which the business day ends.' })

/** Upper case only: `usd` beside `USD` would leave open which one is meant. */
const currencyKey = z.string().refine(isCurrency, 'Must be an ISO 4217 currency code in upper case')

const creditLimitsField = z
  .record(currencyKey, amountField.nullable())
  .refine((limits) => Object.keys(limits).length <= CURRENCIES_MAX, {
    error: `At most ${CURRENCIES_MAX} currencies`,
  })
  .openapi({
    type: 'object',
    example: { USD: 1000, EUR: null },
    description: 'By currency; null is unlimited. Currencies that are not named stay as they are.',
  })

const changeable = {
  email: z
    .email({ error: 'Invalid email format' })
    .max(254)
    .openapi({ example: 'customer@example.com' }),
  first_name: line(100).nullable().openapi({ example: 'Jane' }),
  last_name: line(100).nullable().openapi({ example: 'Doe' }),
  company: line(200).nullable(),
  phone: line(40).nullable().openapi({ example: '+1-555-0123' }),
  tags: z
    .array(tagField)
    .max(TAGS_MAX)
    .openapi({ example: ['vip', 'newsletter'] }),
  addresses: z.array(addressField).max(ADDRESSES_MAX),
  tax_id: line(40).nullable(),
  time_zone: timeZoneField.nullable(),
  cut_off: cutOffField.nullable(),
  credit_limits: creditLimitsField,
  metadata: metadataField,
  status: z.enum(['active', 'inactive']),
}

export const customerCreate = z
  .strictObject(changeable)
  .partial()
  .required({ email: true })
  .openapi('CustomerCreate', {
    example: {
      email: 'customer@example.com',
      first_name: 'Jane',
      last_name: 'Doe',
      phone: '+1-555-0123',
      addresses: [{ street: '1 Main St', city: 'Springfield', zip: '12345', country: 'US' }],
      tags: ['vip', 'newsletter'],
    },
  })

/** A merge: what is left out stays, null empties. Lists and metadata are replaced as a whole. */
export const customerUpdate = z
  .strictObject({ ...changeable, version: z.int().min(1) })
  .partial()
  .openapi('CustomerUpdate', { example: { company: 'Doe Trading', cut_off: '18:00' } })

const byCurrency = <Amount extends z.ZodType>(amount: Amount) => z.record(z.string(), amount)

export const customerObject = z
  .strictObject({
    object: z.literal('customer'),
    id: z.string().openapi({ example: 'cust_0199c0de5a000123456789abcd' }),
    email: z.string(),
    first_name: z.string().nullable(),
    last_name: z.string().nullable(),
    company: z.string().nullable(),
    phone: z.string().nullable(),
    tags: z.array(z.string()),
    addresses: z.array(
      z.strictObject({ id: z.string(), ...addressFields }).openapi('StoredAddress'),
    ),
    tax_id: z.string().nullable(),
    time_zone: z.string().openapi({ description: "The customer's own, or its account's." }),
    cut_off: z.string(),
    credit_limits: byCurrency(z.number().nullable()).openapi({ example: { USD: 1000, EUR: null } }),
    credit_limits_minor: byCurrency(z.int().nullable()),
    metadata: metadataField,
    status: z.enum(['active', 'inactive']),
    version: z.int(),
    created_at: instantField,
    updated_at: instantField,
    order_history: z
      .strictObject({
        order_count: z.int(),
        total_spent: byCurrency(z.number()).openapi({
          description: 'Delivered codes at their prices, before tax.',
        }),
        total_spent_minor: byCurrency(z.int()),
        last_order_at: instantField.nullable(),
      })
      .optional()
      .openapi({ description: 'Left out in lists.' }),
  })
  .openapi('Customer')

export type CustomerChange = Omit<z.output<typeof customerUpdate>, 'version'>

/** Everything about a customer that a client can set, apart from credit. */
export function valuesOf(row: CustomerRow): CustomerValues {
  return {
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    company: row.company,
    phone: row.phone,
    tags: row.tags,
    addresses: row.addresses,
    taxId: row.tax_id,
    status: row.status,
    metadata: row.metadata,
    timeZone: row.own_time_zone,
    cutOff: row.own_cut_off,
  }
}

/** What a new customer starts from; the e-mail address is required and comes with the change. */
export const BLANK_CUSTOMER: Readonly<CustomerValues> = {
  email: '',
  firstName: null,
  lastName: null,
  company: null,
  phone: null,
  tags: [],
  addresses: [],
  taxId: null,
  status: 'active',
  metadata: {},
  timeZone: null,
  cutOff: null,
}

/** The values after a change. */
export function applyChange(start: CustomerValues, change: CustomerChange): CustomerValues {
  const merged = <Value>(value: Value | undefined, before: Value): Value =>
    value === undefined ? before : value
  return {
    email: change.email ?? start.email,
    firstName: merged(change.first_name, start.firstName),
    lastName: merged(change.last_name, start.lastName),
    company: merged(change.company, start.company),
    phone: merged(change.phone, start.phone),
    tags: change.tags === undefined ? start.tags : [...new Set(change.tags)],
    addresses:
      change.addresses?.map((address) => toAddress(address, start.addresses)) ?? start.addresses,
    taxId: merged(change.tax_id, start.taxId),
    status: change.status ?? start.status,
    metadata: change.metadata ?? start.metadata,
    timeZone: merged(change.time_zone, start.timeZone),
    cutOff: merged(change.cut_off, start.cutOff),
  }
}

/**
 * @throws DomainError `invalid_amount` naming the currency
 */
export function toCreditLimits(change: CustomerChange): Map<string, bigint | null> {
  return new Map(
    Object.entries(change.credit_limits ?? {}).map(([currency, limit]) => [
      currency,
      limit === null
        ? null
        : toMinor(limit, currency, `credit_limits.${currency}`, AMOUNT_MINOR_MAX),
    ]),
  )
}

/** An address that is sent again unchanged keeps its id. */
function toAddress(address: z.output<typeof addressField>, before: readonly Address[]): Address {
  const known = before.find(({ id: _, ...rest }) => isDeepStrictEqual(rest, address))
  return known ?? { id: newId('address'), ...address }
}

/** Names that PostgreSQL knows too: an offset such as +03:00 is no zone with a history. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*$/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
