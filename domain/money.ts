import { DomainError } from './error.ts'

/** An amount in the smallest unit of its ISO 4217 currency: 149.97 USD is 14997n. May be negative. */
export type Money = { minor: bigint; currency: string }

/** The active currencies and funds of ISO 4217 by the number of their decimal digits. */
const CODES_BY_EXPONENT: [exponent: number, codes: string][] = [
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'],
  [2, 'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD'],
  [2, 'CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP'],
  [2, 'GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK'],
  [2, 'LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO'],
  [2, 'NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS'],
  [2, 'SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST'],
  [2, 'XAD XCD XCG YER ZAR ZMW ZWG'],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
  [4, 'CLF UYW'],
]

/**
 * Decimal digits of every active ISO 4217 currency. Our own table: what a runtime's `Intl` prints
 * (HUF 0, IDR 0, IQD 0) is how people write prices, not what the standard says. Precious metals,
 * test codes and others without a minor unit are not in it.
 */
export const CURRENCIES: Readonly<Record<string, number>> = Object.freeze(
  Object.fromEntries(
    CODES_BY_EXPONENT.flatMap(([exponent, codes]) =>
      codes.split(' ').map((code) => [code, exponent]),
    ),
  ),
)

/**
 * The largest amount that Bark takes, in digits of its minor units. Up to fifteen digits a JSON
 * number (a double) carries every decimal unchanged; 90071992547409.91, which is below 2^53 minor
 * units, already prints as 90071992547409.9.
 */
const AMOUNT_DIGITS_MAX = 15
export const AMOUNT_MINOR_MAX = 10n ** BigInt(AMOUNT_DIGITS_MAX) - 1n

/** Whether `code` is an active ISO 4217 currency, in upper case. */
export function isCurrency(code: string): boolean {
  return Object.hasOwn(CURRENCIES, code)
}

/**
 * The decimal digits of a currency: 2 for USD, 0 for JPY, 3 for KWD.
 *
 * @throws DomainError `invalid_amount` when the code is not an active ISO 4217 currency
 */
export function currencyExponent(code: string): number {
  const exponent = isCurrency(code) ? CURRENCIES[code] : undefined
  if (exponent === undefined) {
    throw new DomainError('invalid_amount', 'The currency is not an active ISO 4217 code.', {
      currency: code.slice(0, 16),
    })
  }
  return exponent
}

/**
 * Reads a decimal amount in major units ("149.97", 149.97) into minor units. At most the digits of
 * the currency, no exponent, no plus sign, no grouping, no leading zeros; nothing is ever rounded.
 *
 * @throws DomainError `invalid_amount` when it is written differently, `amount_too_large` above
 *   `AMOUNT_MINOR_MAX`
 */
export function parseDecimal(text: string | number, currency: string): bigint {
  const exponent = currencyExponent(currency)
  const match = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/.exec(String(text))
  const [, sign = '', whole = '', fraction = ''] = match ?? []
  if (!match || fraction.length > exponent) {
    const form =
      exponent === 0
        ? 'a whole number'
        : `a decimal number with at most ${exponent} digits after the point`
    throw new DomainError('invalid_amount', `An amount in ${currency} must be ${form}.`, {
      hint: `For example ${formatDecimal(15_000n * 10n ** BigInt(exponent), currency)}.`,
    })
  }
  const digits = whole + fraction.padEnd(exponent, '0')
  if (digits.replace(/^0+/, '').length > AMOUNT_DIGITS_MAX) throw tooLarge(currency)
  return sign === '-' ? -BigInt(digits) : BigInt(digits)
}

function tooLarge(currency: string): DomainError {
  return new DomainError('amount_too_large', 'The amount has more than fifteen digits.', {
    currency,
  })
}

/**
 * Minor units as a decimal in major units with all digits of the currency: 14997n USD is "149.97".
 *
 * @throws DomainError `invalid_amount` for an unknown currency
 */
export function formatDecimal(minor: bigint, currency: string): string {
  const exponent = currencyExponent(currency)
  const sign = minor < 0n ? '-' : ''
  const digits = String(minor < 0n ? -minor : minor).padStart(exponent + 1, '0')
  if (exponent === 0) return sign + digits
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/**
 * Minor units as the JSON number that the API prints in major units: 14997n USD is 149.97.
 *
 * @throws DomainError `amount_too_large` when the nearest double would print as another amount
 *   (never up to `AMOUNT_MINOR_MAX`; sums may come above it): better no answer than a wrong one
 */
export function minorToNumber(minor: bigint, currency: string): number {
  const text = formatDecimal(minor, currency)
  const number = Number(text)
  const shortest = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  if (String(number) !== shortest) throw tooLarge(currency)
  return number
}

/**
 * The sum of two amounts in one currency; nothing is ever converted.
 *
 * @throws DomainError `mixed_currency` when the two are in different currencies
 */
export function addMoney(a: Money, b: Money): Money {
  if (a.currency !== b.currency) {
    throw new DomainError('mixed_currency', 'Amounts in two currencies cannot be added.', {
      currencies: [a.currency, b.currency],
    })
  }
  return { minor: a.minor + b.minor, currency: a.currency }
}

/**
 * Price × quantity. The quantity is a whole number.
 *
 * @throws RangeError for a quantity with a fraction: a programmer's mistake
 */
export function multiply(price: Money, quantity: bigint | number): Money {
  return { minor: price.minor * BigInt(quantity), currency: price.currency }
}

/**
 * n ÷ d rounded to the nearest whole number, halves to the even neighbour, so that rounding has no
 * direction over many documents: 5/2 is 2, 7/2 is 4, -5/2 is -2.
 *
 * @throws RangeError when d is zero
 */
export function divideHalfEven(n: bigint, d: bigint): bigint {
  const [top, bottom] = d < 0n ? [-n, -d] : [n, d]
  const quotient = top / bottom
  const rest = top % bottom
  const twice = (rest < 0n ? -rest : rest) * 2n
  const away = top < 0n ? -1n : 1n
  if (twice > bottom || (twice === bottom && quotient % 2n !== 0n)) return quotient + away
  return quotient
}

/**
 * Splits a total by weights so that the parts add up to the total exactly (largest remainder; equal
 * remainders go to the earlier part). Each part is less than one minor unit away from its exact
 * share. A negative total is split like the positive one, with the sign turned.
 *
 * @throws RangeError for a negative weight, or when there is something to split and no weight
 */
export function allocate(total: bigint, weights: bigint[]): bigint[] {
  if (total < 0n) return allocate(-total, weights).map((part) => -part)
  if (weights.some((weight) => weight < 0n)) throw new RangeError('allocate: a weight is negative')
  const sum = weights.reduce((left, weight) => left + weight, 0n)
  if (sum === 0n) {
    if (total !== 0n) throw new RangeError('allocate: nothing to allocate to')
    return weights.map(() => 0n)
  }
  const parts = weights.map((weight) => (total * weight) / sum)
  const left = Number(total - parts.reduce((all, part) => all + part, 0n))
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: (total * weight) % sum }))
    .sort((a, b) => compareBigint(b.remainder, a.remainder) || a.index - b.index)
  const lucky = new Set(byRemainder.slice(0, left).map(({ index }) => index))
  return parts.map((part, index) => (lucky.has(index) ? part + 1n : part))
}

function compareBigint(a: bigint, b: bigint): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
