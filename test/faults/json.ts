/** Readers of JSON of unknown shape: what is not there reads as nothing. */

/** The fields of an object; of anything else none. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** The members of an array; of anything else none. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A text field, or throws. */
export function textOf(fields: Record<string, unknown>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Error(`the answer has no ${name}`)
  return value
}
