/** One row of an import of codes, as text; columns that are not there are empty. */
export type CodeCells = Record<(typeof CODE_COLUMNS)[number], string>

/** The columns that an import may have, in any order. `sku` and `code` or `url` are needed. */
export const CODE_COLUMNS = [
  'sku',
  'code',
  'pin',
  'serial',
  'url',
  'expires_at',
  'activation_at',
  'face_value',
  'redeem_instructions',
] as const

/** A row that can be stored, if its SKU exists and its secret is new. */
export type CodeRow = {
  line: number
  sku: string
  type: 'code' | 'code_pin' | 'url'
  secret: { code: string | null; pin: string | null; serial: string | null; url: string | null }
  /** Milliseconds since 1970; null = never. */
  expiresAtMs: number | null
  /** Milliseconds since 1970; null = at once. */
  activationAtMs: number | null
  faceValue: string | null
  redeemInstructions: string | null
}

/** Why a row cannot be imported. Never quotes a cell: a code may stand in the wrong column. */
export type RowProblem = { line: number; message: string }

const CELL_LETTERS_MAX = 500 // longer than any code in use
const LONG_LETTERS_MAX = 2_000 // of a URL and of instructions
/** As the table `codes` has it. */
export const FACE_VALUE_LETTERS_MAX = 60
const CONTROL_LETTERS = /\p{Cc}/u
const CONTROL_BUT_LAYOUT = /(?![\n\r\t])\p{Cc}/u
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/
const DAY_MS = 86_400_000 // a code that expires on a day is good to its end
const NO_INSTANT = 'is neither a date (2027-12-31) nor an RFC 3339 instant'

/** Checks one row by itself. Cells keep leading zeros; spaces around them are not part of them. */
export function readCodeRow(line: number, cells: CodeCells): CodeRow | RowProblem {
  const problem = (message: string): RowProblem => ({ line, message })
  const [sku, code, pin, serial, url, expiry, activation, faceValue, instructions] =
    CODE_COLUMNS.map((name) => cells[name].trim())
  if (!sku) return problem('sku is empty')
  if (!code && !url) return problem('code and url are both empty')
  if (pin && !code) return problem('pin stands without a code')
  const tooLong = CODE_COLUMNS.find((name) => cells[name].trim().length > lettersMax(name))
  if (tooLong !== undefined) return problem(`${tooLong} is too long`)
  const unprintable = CODE_COLUMNS.find((name) =>
    (name === 'redeem_instructions' ? CONTROL_BUT_LAYOUT : CONTROL_LETTERS).test(
      cells[name].trim(),
    ),
  )
  if (unprintable !== undefined) return problem(`${unprintable} has a control character in it`)
  if (url && !/^https?:\/\/[^\s/]+/i.test(url))
    return problem('url is not an http or https address')
  const expiresAtMs = expiry ? readInstant(expiry, DAY_MS) : null
  const activationAtMs = activation ? readInstant(activation, 0) : null
  if (Number.isNaN(expiresAtMs)) return problem(`expires_at ${NO_INSTANT}`)
  if (Number.isNaN(activationAtMs)) return problem(`activation_at ${NO_INSTANT}`)
  if (expiresAtMs !== null && activationAtMs !== null && expiresAtMs <= activationAtMs) {
    return problem('expires_at is not after activation_at')
  }
  const orNull = (text: string | undefined): string | null => text || null
  return {
    line,
    sku,
    type: typeOf(code, pin),
    secret: { code: orNull(code), pin: orNull(pin), serial: orNull(serial), url: orNull(url) },
    expiresAtMs,
    activationAtMs,
    faceValue: orNull(faceValue),
    redeemInstructions: orNull(instructions),
  }
}

function lettersMax(column: (typeof CODE_COLUMNS)[number]): number {
  if (column === 'face_value') return FACE_VALUE_LETTERS_MAX
  return column === 'url' || column === 'redeem_instructions' ? LONG_LETTERS_MAX : CELL_LETTERS_MAX
}

function typeOf(code: string | undefined, pin: string | undefined): CodeRow['type'] {
  if (!code) return 'url'
  return pin ? 'code_pin' : 'code'
}

/**
 * A plain date is so many milliseconds after the beginning of that day in UTC. NaN for what is
 * neither date nor instant.
 */
function readInstant(text: string, ofDayMs: number): number {
  const [, year, month, day] = DAY.exec(text.slice(0, 10)) ?? []
  if (Number(day) > daysOf(Number(year), Number(month))) return Number.NaN
  if (DAY.test(text)) return Date.parse(text) + ofDayMs
  return INSTANT.test(text) ? Date.parse(text) : Number.NaN
}

function daysOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  if (month === 2) return isLeap ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}
