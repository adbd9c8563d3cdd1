/**
 * One text for one value: JSON without spaces, the keys of every object sorted by UTF-16 code unit,
 * members that are `undefined` left out (RFC 8785 for the values that we use). Two snapshots are
 * equal exactly when their texts are, so a hash of the text proves that an invoice never changed.
 *
 * @throws TypeError for what JSON cannot hold: bigint, NaN, infinities, functions, cycles excepted
 *   (a cycle is a programmer's mistake and ends in a RangeError).
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return JSON.stringify(value)
  }
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
    return `{${members.join(',')}}`
  }
  throw new TypeError(`canonicalJson cannot write a value of type ${typeof value}`)
}
