import fc from 'fast-check'
import { expect, test } from 'vitest'
import { apiKeyMode, formatApiKey } from '../../domain/api-key.ts'

const random = fc.uint8Array({ minLength: 40, maxLength: 40 })
const mode = fc.constantFrom('live' as const, 'test' as const)

test('a key has its mode, forty characters and a checksum of six', () => {
  const key = formatApiKey('test', new Uint8Array(40))
  // Spelled out: keys that were made before must stay valid.
  expect(key).toBe(`test_${'0'.repeat(40)}0tmQNY`)
  expect(apiKeyMode(key)).toBe('test')
})

test('every key that was made is well formed', () => {
  fc.assert(
    fc.property(mode, random, (of, bytes) => {
      expect(apiKeyMode(formatApiKey(of, bytes))).toBe(of)
    }),
  )
})

test('a key with one character changed is refused before any look-up', () => {
  const at = fc.nat({ max: 50 })
  fc.assert(
    fc.property(mode, random, at, fc.constantFrom(...'09AZaz_-'), (of, bytes, index, other) => {
      const key = formatApiKey(of, bytes)
      fc.pre(key[index] !== other)
      expect(apiKeyMode(key.slice(0, index) + other + key.slice(index + 1))).toBeNull()
    }),
  )
})

test('a test key does not become a live one by its prefix', () => {
  const key = formatApiKey('test', new Uint8Array(40).fill(7))
  expect(apiKeyMode(key.replace('test_', 'live_'))).toBeNull()
})

test.each(['', 'test_', 'Bearer', `test_${'a'.repeat(46)}`, `test_${'é'.repeat(46)}`])(
  '%j is no key',
  (text) => {
    expect(apiKeyMode(text)).toBeNull()
  },
)

test('too little chance is a programmer’s mistake', () => {
  expect(() => formatApiKey('test', new Uint8Array(39))).toThrow(RangeError)
})
