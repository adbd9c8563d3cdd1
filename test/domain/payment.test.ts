import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findCardNumber, holdsCardNumber } from '../../domain/card-number.ts'
import {
  ASK_SECONDS,
  planOperation,
  planUnknown,
  RESEND_SECONDS_MAX,
  type OpenOperation,
} from '../../domain/payment.ts'
import { TEST_CARDS } from '../../domain/test-card.ts'

describe('an operation whose outcome is unknown', () => {
  test('is sent again at 5 s and 30 s, then asked about at 5 m, 1 h, 6 h and daily', () => {
    const seen: string[] = []
    for (let [tries, asks] = [1, 0]; asks < 7;) {
      const { act, afterSeconds, needsOperator } = planUnknown({ tries, asks })
      seen.push(`${act} ${afterSeconds}${needsOperator ? ' operator' : ''}`)
      if (act === 'send') tries += 1
      else asks += 1
    }
    expect(seen).toEqual([
      'send 5',
      'send 30',
      ...ASK_SECONDS.map((seconds) => `ask ${seconds}`),
      'ask 172800 operator',
      'ask 259200 operator',
      'ask 345600 operator',
    ])
  })

  test('is never sent after 23 hours, whatever happened before', () => {
    const state = fc.constantFrom<OpenOperation['state'][]>('submitted', 'unknown')
    fc.assert(
      fc.property(state, fc.nat(50), fc.nat(50), fc.nat(10 ** 6), fc.boolean(), (...drawn) => {
        const [drawnState, tries, asks, seconds, told] = drawn
        const now = new Date('2026-11-22T12:00:00Z')
        const operation: OpenOperation = {
          kind: 'capture',
          state: drawnState,
          tries,
          asks,
          submitted_at: new Date(now.getTime() - seconds * 1000),
          next_at: now,
        }
        const { act } = planOperation(operation, told, now)
        expect(act === 'send' && seconds >= RESEND_SECONDS_MAX).toBe(false)
      }),
    )
  })
})

describe('card numbers', () => {
  const digits = (length: number) =>
    fc.array(fc.nat(9), { minLength: length, maxLength: length }).map((all) => all.join(''))
  const withCheckDigit = (body: string) =>
    [...'0123456789'].map((last) => body + last).find((number) => holdsCardNumber(number))

  test('of every brand are found, however they are written, and only with the right check digit', () => {
    fc.assert(
      fc.property(digits(14), (rest) => {
        const number = withCheckDigit(`4${rest}`)
        expect(number).toBeDefined()
        expect(holdsCardNumber(`pay ${number?.replaceAll(/(\d{4})(?=\d)/g, '$1 ')} now`)).toBe(true)
        expect(holdsCardNumber(`${number?.replaceAll(/(\d{4})(?=\d)/g, '$1-')}`)).toBe(true)
        const wrong = `${number?.slice(0, -1)}${(Number(number?.at(-1)) + 1) % 10}`
        expect(holdsCardNumber(wrong)).toBe(false)
      }),
    )
    for (const { number } of TEST_CARDS) expect(holdsCardNumber(number)).toBe(true)
  })

  test('are found anywhere in a body, and ids are none', () => {
    expect(findCardNumber({ metadata: { a: { b: ['x', '4111111111111111'] } } })).toBe(
      'metadata.a.b.1',
    )
    expect(findCardNumber({ number: 4_111_111_111_111_111 })).toBe('number')
    expect(findCardNumber({ id: 'pi_41111111111111110000000000' })).toBeNull()
  })
})
