import type { z } from '@hono/zod-openapi'
import { DomainError, type FieldProblem } from '../domain/error.ts'

const PROBLEMS_MAX = 50 // a body of 256 KiB could name thousands

/**
 * Parses one part of a request.
 *
 * @throws DomainError `invalid_parameter` (400) for path and query, `invalid_fields` (422) for a
 *   body, naming the fields
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: 'path' | 'query' | 'body',
): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.flatMap(problemsOf).slice(0, PROBLEMS_MAX)
  const first = fields[0] ?? { field: part, message: 'Invalid' }
  if (part === 'body') {
    throw new DomainError('invalid_fields', `${first.field}: ${first.message}`, { fields })
  }
  throw new DomainError(
    'invalid_parameter',
    `The ${part} parameter '${first.field}' cannot be used: ${first.message}`,
    { fields },
  )
}

function problemsOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, shorten(key)].join('.'),
      message: 'Unknown field',
    }))
  }
  return [{ field: path.map(shorten).join('.') || 'body', message: issue.message }]
}

/** A field's name is the client's own text: enough of it to be found again, never all of it. */
function shorten(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name
}
