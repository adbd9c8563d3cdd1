import { describe, expect, test } from 'vitest'
import { displayAccount, hasIbanChecksum, isIban } from '../../domain/bank-account.ts'

/** From the registry of IBANs: its example of each country. */
const IBANS = [
  'DE89370400440532013000',
  'GR1601101250000000012300695',
  'NO9386011117947',
  'MT84MALT011000012345MTLCAST001S',
  'KW81CBKU0000000000001234560101',
]

describe('an IBAN', () => {
  test.each(IBANS)('%s has its checksum, and loses it with any one digit changed', (iban) => {
    expect(isIban(iban)).toBe(true)
    expect(hasIbanChecksum(iban)).toBe(true)
    for (let index = 2; index < iban.length; index += 1) {
      if (!/\d/.test(iban[index] ?? '')) continue
      const other = String((Number(iban[index]) + 1) % 10)
      expect(hasIbanChecksum(iban.slice(0, index) + other + iban.slice(index + 1))).toBe(false)
    }
  })

  test('is shown in groups of four; another number stays as the bank writes it', () => {
    expect(displayAccount('DE89370400440532013000')).toBe('DE89 3704 0044 0532 0130 00')
    expect(isIban('000123456789')).toBe(false)
    expect(displayAccount('000123456789')).toBe('000123456789')
  })
})
