import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DomainError } from '../../domain/error.ts'
import {
  addMoney,
  allocate,
  AMOUNT_MINOR_MAX,
  CURRENCIES,
  currencyExponent,
  divideHalfEven,
  formatDecimal,
  isCurrency,
  minorToNumber,
  multiply,
  parseDecimal,
} from '../../domain/money.ts'

const currency = fc.constantFrom(...Object.keys(CURRENCIES))
const amount = fc.bigInt({ min: -AMOUNT_MINOR_MAX, max: AMOUNT_MINOR_MAX })

function reasonOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof DomainError) return error.reason
    throw error
  }
  return 'nothing was thrown'
}

describe('currencies', () => {
  test('have the digits of ISO 4217, not those of the runtime', () => {
    const digits = {
      USD: 2,
      JPY: 0,
      HUF: 2,
      IDR: 2,
      IQD: 3,
      KWD: 3,
      ISK: 0,
      UGX: 0,
      CLF: 4,
      UYW: 4,
    }
    for (const [code, exponent] of Object.entries(digits)) {
      expect([code, currencyExponent(code)]).toEqual([code, exponent])
    }
  })

  test('have two digits except those that the standard lists otherwise', () => {
    const others = Object.entries(CURRENCIES).filter(([, exponent]) => exponent !== 2)
    const codes = (exponent: number) =>
      others.filter(([, each]) => each === exponent).map(([code]) => code)
    expect(codes(0).join(' ')).toBe(
      'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    )
    expect(codes(3).join(' ')).toBe('BHD IQD JOD KWD LYD OMR TND')
    expect(codes(4).join(' ')).toBe('CLF UYW')
    expect(others).toHaveLength(17 + 7 + 2)
  })

  test('are each listed once, in upper case', () => {
    const codes = Object.keys(CURRENCIES)
    expect(codes).toHaveLength(165)
    expect(codes.every((code) => /^[A-Z]{3}$/.test(code))).toBe(true)
  })

  test.each(['usd', 'DEM', 'XXX', 'XAU', '', 'toString', '__proto__'])('%j is none', (code) => {
    expect(isCurrency(code)).toBe(false)
    expect(reasonOf(() => currencyExponent(code))).toBe('invalid_amount')
  })
})

describe('parseDecimal', () => {
  test.each([
    ['149.97', 'USD', 14_997n],
    ['149.9', 'USD', 14_990n],
    ['0', 'USD', 0n],
    ['-0.01', 'USD', -1n],
    ['150', 'JPY', 150n],
    ['1.005', 'KWD', 1_005n],
    ['0.0001', 'CLF', 1n],
    ['9999999999999.99', 'USD', AMOUNT_MINOR_MAX],
    [199.99, 'USD', 19_999n],
    [0.1, 'USD', 10n],
  ])('reads %j %s', (text, code, minor) => {
    expect(parseDecimal(text, code)).toBe(minor)
  })

  test.each([
    ['149.970', 'USD'],
    ['150.0', 'JPY'],
    ['1e3', 'USD'],
    ['+1', 'USD'],
    ['.5', 'USD'],
    ['5.', 'USD'],
    ['007', 'USD'],
    ['1,000.00', 'USD'],
    [' 1', 'USD'],
    ['1\n', 'USD'],
    ['١', 'USD'],
    ['', 'USD'],
    ['NaN', 'USD'],
    [0.1 + 0.2, 'USD'],
    [1e21, 'USD'],
    [Number.POSITIVE_INFINITY, 'USD'],
    ['1', 'usd'],
  ])('refuses %j %s', (text, code) => {
    expect(reasonOf(() => parseDecimal(text, code))).toBe('invalid_amount')
  })

  test('refuses more than fifteen digits, however long the text is', () => {
    expect(reasonOf(() => parseDecimal('10000000000000.00', 'USD'))).toBe('amount_too_large')
    expect(reasonOf(() => parseDecimal('9'.repeat(100_000), 'USD'))).toBe('amount_too_large')
  })

  test('reads back every amount that formatDecimal writes', () => {
    fc.assert(
      fc.property(amount, currency, (minor, code) => {
        expect(parseDecimal(formatDecimal(minor, code), code)).toBe(minor)
      }),
    )
  })
})

describe('minorToNumber', () => {
  test('prints in JSON as the amount, up to the largest one', () => {
    fc.assert(
      fc.property(amount, currency, (minor, code) => {
        expect(parseDecimal(JSON.stringify(minorToNumber(minor, code)), code)).toBe(minor)
      }),
    )
  })

  test('refuses an amount below 2^53 that a double would print as another', () => {
    expect(reasonOf(() => minorToNumber(9_007_199_254_740_991n, 'USD'))).toBe('amount_too_large')
  })

  test('does not print a negative zero', () => {
    expect(Object.is(minorToNumber(0n, 'USD'), 0)).toBe(true)
  })
})

describe('arithmetic', () => {
  test('adds within a currency only', () => {
    const usd = { minor: 14_997n, currency: 'USD' }
    expect(addMoney(usd, { minor: 3n, currency: 'USD' })).toEqual({
      minor: 15_000n,
      currency: 'USD',
    })
    expect(reasonOf(() => addMoney(usd, { minor: 3n, currency: 'EUR' }))).toBe('mixed_currency')
  })

  test('multiplies by whole quantities only', () => {
    const price = { minor: 4_999n, currency: 'USD' }
    expect(multiply(price, 3)).toEqual({ minor: 14_997n, currency: 'USD' })
    expect(() => multiply(price, 1.5)).toThrow(RangeError)
  })

  test.each([
    [5n, 2n, 2n],
    [7n, 2n, 4n],
    [-5n, 2n, -2n],
    [-7n, 2n, -4n],
    [5n, -2n, -2n],
    [1n, 2n, 0n],
    [3n, 2n, 2n],
    [8n, 3n, 3n],
    [-8n, 3n, -3n],
  ])('%i / %i is %i', (n, d, expected) => {
    expect(divideHalfEven(n, d)).toBe(expected)
  })

  test('rounds to the nearest, halves to even', () => {
    const divisor = fc.bigInt({ min: 1n, max: 100_000n })
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), divisor, (n, d) => {
        const distance = 2n * (divideHalfEven(n, d) * d - n)
        expect(distance <= d && distance >= -d).toBe(true)
        const half = distance === d || distance === -d
        expect(half && divideHalfEven(n, d) % 2n !== 0n).toBe(false)
      }),
    )
  })
})

describe('allocate', () => {
  const weights = fc
    .array(fc.bigInt({ min: 0n, max: 10n ** 9n }), { minLength: 1, maxLength: 30 })
    .filter((values) => values.some((value) => value > 0n))

  test('gives away the total exactly, each part less than one unit from its share', () => {
    fc.assert(
      fc.property(amount, weights, (total, shares) => {
        const parts = allocate(total, shares)
        const sum = shares.reduce((all, share) => all + share, 0n)
        expect(parts.reduce((all, part) => all + part, 0n)).toBe(total)
        parts.forEach((part, index) => {
          const error = part * sum - total * (shares[index] ?? 0n)
          expect(error < sum && error > -sum).toBe(true)
        })
      }),
    )
  })

  test('gives what is left over to the largest remainders, then to the earliest', () => {
    expect(allocate(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n])
    expect(allocate(10n, [1n, 8n, 6n])).toEqual([1n, 5n, 4n])
    expect(allocate(-100n, [1n, 1n, 1n])).toEqual([-34n, -33n, -33n])
    expect(allocate(0n, [0n, 0n])).toEqual([0n, 0n])
  })

  test('refuses to lose money', () => {
    expect(() => allocate(1n, [])).toThrow(RangeError)
    expect(() => allocate(1n, [0n])).toThrow(RangeError)
    expect(() => allocate(1n, [2n, -1n])).toThrow(RangeError)
  })
})
