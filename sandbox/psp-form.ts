import { createHash } from 'node:crypto'
import { PspFailure } from './psp-failure.ts'

/** Parameters as Stripe writes them: `a[b][0]=c` is nested, and every leaf is a text. */
export type Params = { [name: string]: string | Params }

const PAIRS_MAX = 1_000
const DEPTH_MAX = 8

/** Reads a form or a query. Throws `PspFailure` for what nobody could have meant. */
export function parseForm(text: string): Params {
  const root = emptyParams()
  let pairs = 0
  for (const [name, value] of new URLSearchParams(text)) {
    pairs += 1
    const path = name.split(/\[|\]\[?/).filter((part) => part !== '')
    if (pairs > PAIRS_MAX || path.length === 0 || path.length > DEPTH_MAX) {
      throw PspFailure.invalid('Too many or too deep parameters', name)
    }
    put(root, path, value)
  }
  return root
}

/** Without a prototype, so that no parameter's name means anything to JavaScript. */
function emptyParams(): Params {
  const made: Params = {}
  Object.setPrototypeOf(made, null)
  return made
}

function put(root: Params, path: string[], value: string): void {
  let at = root
  for (const part of path.slice(0, -1)) {
    const next = at[part]
    if (typeof next === 'object') {
      at = next
    } else {
      const made = emptyParams()
      at[part] = made
      at = made
    }
  }
  at[path.at(-1) ?? ''] = value
}

/** The same request has the same hash, in whatever order its parameters come. */
export function hashOf(method: string, path: string, params: Params): string {
  const sorted = JSON.stringify(sortKeys(params))
  return createHash('sha256').update(`${method} ${path} ${sorted}`).digest('hex')
}

function sortKeys(value: string | Params): unknown {
  if (typeof value === 'string') return value
  const names = Object.keys(value).toSorted()
  return names.map((name) => [name, sortKeys(value[name] ?? '')])
}

/** Refuses what an endpoint does not know, as Stripe does. */
export function requireKnown(params: Params, known: readonly string[]): void {
  const unknown = Object.keys(params).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw PspFailure.invalid(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown')
}

export function textOf(params: Params, name: string): string | null {
  const value = params[name]
  return typeof value === 'string' && value !== '' ? value : null
}

export function requireText(params: Params, name: string): string {
  const value = textOf(params, name)
  if (value === null) {
    throw PspFailure.invalid(`Missing required param: ${name}.`, name, 'parameter_missing')
  }
  return value
}

/** A positive whole number of minor units, or null when it is left out. */
export function amountOf(params: Params, name: string): number | null {
  const value = textOf(params, name)
  if (value === null) return null
  const number = Number(value)
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) {
    throw PspFailure.invalid(`Invalid integer: ${value}`, name, 'parameter_invalid_integer')
  }
  if (number < 1) {
    throw PspFailure.invalid(
      'This value must be greater than or equal to 1.',
      name,
      'parameter_invalid_integer',
    )
  }
  return number
}

/** A nested object; empty when it is left out. */
export function groupOf(params: Params, name: string): Params {
  const value = params[name]
  return typeof value === 'object' ? value : {}
}

/** The text, or nothing for what is nested. */
export function plainText(value: string | Params | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** Flat texts, as metadata and evidence are. */
export function textsOf(params: Params): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  )
}
