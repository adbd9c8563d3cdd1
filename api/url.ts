import { DomainError } from '../domain/error.ts'

/**
 * The query of a URL as plain pairs, read strictly: a lenient reader would turn half an escape into
 * U+FFFD and answer a question that nobody asked.
 *
 * @throws DomainError `invalid_parameter` for bad escapes, NUL, a name twice, `__proto__`
 */
export function readQuery(url: string): Record<string, string> {
  const start = url.indexOf('?')
  const query: Record<string, string> = {}
  if (start < 0) return query
  for (const pair of url.slice(start + 1).split('&')) {
    if (pair === '') continue
    const [name, ...value] = pair.split('=')
    const key = decode(name ?? '', 'query')
    if (key === '__proto__') throw unusable('query', 'Holds a name that cannot be used')
    if (Object.hasOwn(query, key)) throw unusable(key.slice(0, 64), 'Is given twice')
    query[key] = decode(value.join('='), key.slice(0, 64))
  }
  return query
}

/** @throws DomainError `invalid_parameter` for a path with bad escapes or NUL */
export function requireReadablePath(url: string): void {
  // Without an escape there is nothing to decode.
  if (url.includes('%')) decode(new URL(url).pathname, 'path')
}

function decode(text: string, field: string): string {
  let plain: string
  try {
    plain = decodeURIComponent(field === 'path' ? text : text.replaceAll('+', ' '))
  } catch {
    throw unusable(field, 'Is not valid percent-encoded UTF-8')
  }
  if (plain.includes('\0')) throw unusable(field, 'Holds a NUL character')
  return plain
}

function unusable(field: string, message: string): DomainError {
  return new DomainError(
    'invalid_parameter',
    `The ${field} of the URL cannot be used: ${message}.`,
    {
      fields: [{ field, message }],
    },
  )
}
