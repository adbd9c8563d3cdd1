import { z } from '@hono/zod-openapi'
import { DomainError, type FieldProblem } from '../domain/error.ts'

const nothing = z.strictObject({})
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

/**
 * Parses a body. An absent one is an empty object where that is enough; a route without a schema
 * takes an empty object or nothing, and answers null.
 *
 * @throws DomainError `invalid_body` (400) when a body is required, else like `parseInput`
 */
export function parseBody(schema: z.ZodType | null, body: unknown): unknown {
  if (schema === null) {
    parseInput(nothing, body ?? {}, 'body')
    return null
  }
  if (body !== undefined) return parseInput(schema, body, 'body')
  const empty = schema.safeParse({})
  if (empty.success) return empty.data
  throw new DomainError('invalid_body', 'A JSON body is required.', {
    fields: [{ field: 'body', message: 'Is required' }],
  })
}

function problemsOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, shorten(key)].join('.'),
      message: 'Unknown field',
    }))
  }
  const message =
    issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  return [{ field: path.map(shorten).join('.') || 'body', message }]
}

/** A field's name is the client's own text: enough of it to be found again, never all of it. */
function shorten(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name
}
