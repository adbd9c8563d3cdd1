import { DomainError, type FieldProblem } from '../domain/error.ts'

const DEPTH_MAX = 32

/**
 * Reads a JSON body strictly: UTF-8, no NUL, no lone surrogate, no `__proto__`, no key twice, no
 * deeper than 32 levels, and every number as it is written: `JSON.parse` alone would round
 * 9007199254740993 and keep the last of two equal keys without a word.
 *
 * @throws DomainError `invalid_body` (400), or `invalid_fields` (422) naming a number that a
 *   double cannot hold
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw unusable('The body is not valid JSON')
  }
  inspect(text)
  return value
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw unusable('The body is not valid UTF-8')
  }
}

/** An object or array that is being walked, and where in it. */
type Level = { keys: Set<string> | null; key: string; index: number; expectsKey: boolean }

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** Walks text that is known to be valid JSON, so each character says what follows. */
function inspect(text: string): void {
  const levels: Level[] = []
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    const level = levels.at(-1)
    if (character === '"') {
      const end = endOfString(text, at)
      inspectString(text.slice(at, end + 1), level)
      at = end
    } else if (character === '{' || character === '[') {
      if (levels.length === DEPTH_MAX) throw unusable(`The body is deeper than ${DEPTH_MAX} levels`)
      const isObject = character === '{'
      levels.push({ keys: isObject ? new Set() : null, key: '', index: 0, expectsKey: isObject })
    } else if (character === '}' || character === ']') {
      levels.pop()
    } else if (character === ',' && level !== undefined) {
      level.index += 1
      level.expectsKey = level.keys !== null
    } else if (character !== undefined && /[-\d]/.test(character)) {
      NUMBER.lastIndex = at
      const token = NUMBER.exec(text)?.[0] ?? character
      if (!isExact(token)) throw inexact(levels)
      at += token.length - 1
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

function inspectString(token: string, level: Level | undefined): void {
  const value: unknown = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1)
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) {
    throw unusable('The body holds a character that is not text (NUL or half a surrogate pair)')
  }
  if (level?.expectsKey !== true || level.keys === null) return
  if (value === '__proto__') throw unusable('The body holds a key that cannot be used')
  if (level.keys.has(value)) throw unusable('The body names a key twice in one object')
  level.keys.add(value)
  level.key = value
  level.expectsKey = false
}

/** Whether the double that stands for the token prints as the same decimal. */
function isExact(token: string): boolean {
  const number = Number(token)
  return Number.isFinite(number) && decimalOf(token) === decimalOf(String(number))
}

/** Digits without zeros at their ends, and the power of ten that goes with them. */
function decimalOf(token: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const power = Number(exponent) - fraction.length + (digits.length - significant.length)
  return `${sign}${significant}e${power}`
}

function inexact(levels: readonly Level[]): DomainError {
  const path = levels.map((level) => (level.keys === null ? String(level.index) : level.key))
  const fields: FieldProblem[] = [
    {
      field: path.join('.').slice(0, 200) || 'body',
      message: 'Is a number that cannot be held exactly',
    },
  ]
  return new DomainError('invalid_fields', 'A number has too many digits.', { fields })
}

function unusable(message: string): DomainError {
  return new DomainError('invalid_body', `${message}.`, { fields: [{ field: 'body', message }] })
}
