import { z } from '@hono/zod-openapi'
import { parseInput } from '../input.ts'
import { pagesMax } from './layout.ts'

export const ROWS_PER_PAGE = 50

/** The number of the page that a parameter asks for; other parameters are read elsewhere. */
export function readPageNumber(
  query: Readonly<Record<string, string>>,
  parameter = 'page',
): number {
  const read: Record<string, number> = parseInput(
    z.object({ [parameter]: pageNumber }),
    query,
    'query',
  )
  return read[parameter] ?? 1
}

/** `?page=`, from 1, as far as a list can be paged. */
export const pageNumber = z
  .string()
  .regex(/^\d{1,5}$/, 'Must be a whole number')
  .default('1')
  .transform(Number)
  .pipe(z.int().min(1).max(pagesMax(ROWS_PER_PAGE)))

/** A form sends a field that was left empty as an empty text. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional())
}
