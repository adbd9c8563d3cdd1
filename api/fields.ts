import { z } from '@hono/zod-openapi'
import type { Moment } from '../db/moment.ts'
import { DomainError } from '../domain/error.ts'
import { isId, type IdKind } from '../domain/id.ts'
import { isCurrency, parseDecimal } from '../domain/money.ts'

/** Fields that several nouns share, each with its limit. */

const METADATA_KEYS_MAX = 50
const METADATA_TEXT_MAX = 1_000

const CONTROL = /\p{Cc}/u
const CONTROL_BUT_LAYOUT = /(?![\n\r\t])\p{Cc}/u

/** One line of text: no control characters, which no invoice or terminal should meet. */
export const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !CONTROL.test(text), 'Must not hold control characters')

/** Several lines of text: line breaks and tabs are the only control characters. */
export const prose = (max: number) =>
  z
    .string()
    .max(max)
    .refine((text) => !CONTROL_BUT_LAYOUT.test(text), 'Must not hold control characters')

/** What clients keep with an object: flat, and ours to store and echo only. */
export const metadataField = z
  .record(
    z.string().min(1).max(64),
    z.union([z.string().max(METADATA_TEXT_MAX), z.number(), z.boolean(), z.null()], {
      error: `Must be a text of at most ${METADATA_TEXT_MAX} characters, a number, true, false or null`,
    }),
  )
  .refine((metadata) => Object.keys(metadata).length <= METADATA_KEYS_MAX, {
    error: `At most ${METADATA_KEYS_MAX} keys`,
  })
  .openapi({ example: { reference: 'PO-7781' } })

/** An ISO 4217 code in any case; upper case inside. */
export const currencyField = z
  .string()
  .regex(/^[A-Za-z]{3}$/, 'Must be an ISO 4217 currency code')
  .transform((code) => code.toUpperCase())
  .refine(isCurrency, 'Must be an ISO 4217 currency code')
  .openapi({ example: 'USD' })

/** An amount in major units, as a JSON number or as text; `toMinor` judges its digits. */
export const amountField = z
  .union([z.number(), z.string().max(32)], { error: 'Must be a decimal number or text' })
  .openapi({ example: 199.99 })

/**
 * An amount in minor units.
 *
 * @throws DomainError `invalid_amount` naming the field, for more digits than the currency has,
 *   for a negative amount, and above `maxMinor`
 */
export function toMinor(
  value: number | string,
  currency: string,
  field: string,
  maxMinor: bigint,
): bigint {
  const refuse = (message: string) =>
    new DomainError('invalid_amount', `${field}: ${message}`, { fields: [{ field, message }] })
  let minor: bigint
  try {
    minor = parseDecimal(value, currency)
  } catch (error) {
    throw error instanceof DomainError ? refuse(error.message) : error
  }
  if (minor < 0n) throw refuse('Must not be negative')
  if (minor > maxMinor) throw refuse(`Must be at most ${maxMinor} minor units`)
  return minor
}

/** The `{id}` of a path. What has not the form of an id cannot exist, and is 404 like it. */
export const idParameter = (name: string, example: string) =>
  z
    .string()
    .max(200)
    .openapi({ param: { name, in: 'path' }, example })

/** @throws DomainError `not_found` when the text has not the form of such an id */
export function requireId(kind: IdKind, text: string): string {
  if (!isId(kind, text)) throw notFound(kind)
  return text
}

/** The same words for what does not exist and for what belongs to somebody else. */
export function notFound(noun: string): DomainError {
  return new DomainError('not_found', `No such ${noun}.`)
}

/** A calendar day or an instant of a filter; a day is meant in the account's business zone. */
export const momentParameter = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'Must be a date (2026-01-31) or an RFC 3339 instant (2026-01-31T10:30:00Z)',
  })
  .openapi({ type: 'string', format: 'YYYY-MM-DD or RFC 3339' })

const DATE_LENGTH = 10

/**
 * What a `momentParameter` means.
 *
 * @throws DomainError `invalid_parameter` naming the field, for a year that no calendar shares
 */
export function readMoment(field: string, text: string | undefined): Moment | undefined {
  if (text === undefined) return undefined
  const at = new Date(text)
  const year = at.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) {
    const message = 'Must lie between the years 1 and 9999'
    throw new DomainError('invalid_parameter', `The query parameter '${field}': ${message}`, {
      fields: [{ field, message }],
    })
  }
  return text.length === DATE_LENGTH ? { date: text } : { instant: at.toISOString() }
}

/** An instant on the wire. */
export const instantField = z.iso.datetime().openapi({ example: '2026-01-15T10:30:00.000Z' })

/** Whatever belongs in a URL that a browser may load. */
export const webUrlField = z
  .url({ protocol: /^https?$/, error: 'Must be an http or https URL' })
  .max(2_000)

const COUNTRIES = new Set(
  (
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR ' +
    'BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ ' +
    'EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW ' +
    'GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY ' +
    'KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV ' +
    'MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY ' +
    'QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG ' +
    'TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW'
  ).split(' '),
)

const countryField = z
  .string()
  .regex(/^[A-Za-z]{2}$/, 'Must be an ISO 3166-1 alpha-2 country code')
  .transform((code) => code.toUpperCase())
  .refine((code) => COUNTRIES.has(code), 'Must be an ISO 3166-1 alpha-2 country code')
  .openapi({ example: 'US' })

/** The fields of a postal address. */
export const addressFields = {
  kind: z.enum(['shipping', 'billing']).optional(),
  name: line(200).optional(),
  company: line(200).optional(),
  street: line(200),
  street2: line(200).optional(),
  city: line(100),
  state: line(100).optional(),
  zip: line(20),
  country: countryField,
  phone: line(40).optional(),
}

/** A postal address, as orders and customers carry it. */
export const addressField = z.strictObject(addressFields).openapi('Address')
