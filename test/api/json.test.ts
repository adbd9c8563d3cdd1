import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from '../../api/json.ts'
import { DomainError } from '../../domain/error.ts'

const parse = (text: string | Uint8Array) =>
  parseJson(typeof text === 'string' ? Buffer.from(text) : text)

function refusal(text: string | Uint8Array): DomainError {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error(`${String(text)} was read`)
}

test('whatever JSON.stringify writes is read back', () => {
  const value = fc.jsonValue({ depthSize: 'small', stringUnit: 'binary' }).filter((each) => {
    const text = JSON.stringify(each)
    return text.isWellFormed() && !/\\u0000|\\ud[89a-f]|"__proto__":/i.test(text)
  })
  fc.assert(
    fc.property(value, (each) => {
      expect(parse(JSON.stringify(each))).toEqual(JSON.parse(JSON.stringify(each)))
    }),
    { numRuns: 300 },
  )
})

test('spaces, escapes and every form of a number are read', () => {
  const text = ' {"a\\"b" : [1, -2.50, 1e3, 0.1E-2, "\\ud83d\\ude00 {\\"}", {}, [] ], "c":{"a":1}} '
  expect(parse(text)).toEqual({ 'a"b': [1, -2.5, 1000, 0.001, '😀 {"}', {}, []], c: { a: 1 } })
})

test.each([
  ['NUL', '{"a":"x\\u0000y"}'],
  ['NUL in a key', '{"\\u0000":1}'],
  ['half a surrogate pair', '{"a":"\\ud800"}'],
  ['half a surrogate pair in a key', '{"\\udfff":1}'],
  ['__proto__', '{"a":{"__proto__":{"admin":true}}}'],
  ['__proto__ in escapes', '{"\\u005f_proto__":1}'],
  ['a key twice', '{"a":1,"b":{"a":1},"a":2}'],
  ['a key twice, once in escapes', '{"a":1,"\\u0061":2}'],
  ['too deep', `${'['.repeat(33)}${']'.repeat(33)}`],
  ['far too deep', '['.repeat(200_000) + ']'.repeat(200_000)],
  ['cut off', '{"a":'],
  ['two values', '{} {}'],
  ['a comment', '{} // no'],
  ['nothing but spaces', '  '],
  ['NaN', '{"a":NaN}'],
])('%s is unusable', (_, text) => {
  expect(refusal(text).reason).toBe('invalid_body')
})

test.each([
  ['a byte that never occurs', [0x22, 0xff, 0x22]],
  ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
  ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ['half a character', [0x22, 0xe2, 0x82, 0x22]],
])('%s is not UTF-8', (_, bytes) => {
  expect(refusal(new Uint8Array(bytes)).message).toMatch(/UTF-8/)
})

test.each([
  '9007199254740993',
  '1e400',
  '0.1000000000000000055511151231257827',
  '-123456789012345678',
])('the number %s would be rounded, so it is refused with its place', (number) => {
  const error = refusal(`{"items":[{"price":1},{"price":${number}}]}`)
  expect(error.reason).toBe('invalid_fields')
  expect(error.detail.fields).toEqual([
    { field: 'items.1.price', message: 'Is a number that cannot be held exactly' },
  ])
})

test.each([
  '9007199254740992',
  '199.99',
  '0.30000000000000004',
  '1.10',
  '-0',
  '100',
  '1e21',
  '5e-324',
])('the number %s is taken', (number) => {
  expect(parse(`[${number}]`)).toEqual([Number(number)])
})

test('the same key in neighbours and at other depths is no repetition', () => {
  expect(parse('[{"a":{"a":1}},{"a":2}]')).toEqual([{ a: { a: 1 } }, { a: 2 }])
})
