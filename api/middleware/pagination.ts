import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import type { PageRequest, Position, RowsPage } from '../../db/keyset.ts'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { DomainError } from '../../domain/error.ts'
import {
  renderCursorList,
  renderPageList,
  TOTAL_ITEMS_MAX,
  type CursorList,
  type PageList,
} from '../../wire/list.ts'
import type { ApiDeps } from '../deps.ts'
import type { Caller } from '../route.ts'

const LIMIT_DEFAULT = 50
const LIMIT_MAX = 200
const REACH_MAX = TOTAL_ITEMS_MAX // page × limit: an offset costs all the rows before it

/** A query parameter that is a whole number. */
export const integerParameter = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'Must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .openapi({ type: 'integer', minimum: min, maximum: max })

/** The query parameters of every list: spread them into its strict query schema. */
export const pageParameters = {
  page: integerParameter(1, REACH_MAX)
    .optional()
    .openapi({ description: 'Page number, from 1 (the default). Not together with `cursor`.' }),
  limit: integerParameter(1, LIMIT_MAX)
    .optional()
    .openapi({ description: `Items per page, ${LIMIT_DEFAULT} by default.` }),
  cursor: z.string().max(1_000).optional().openapi({
    description: '`next_cursor` of the answer before; empty starts a walk.',
  }),
}

type ListQuery = { page?: number; limit?: number; cursor?: string; [filter: string]: unknown }
type ListCall = {
  operationId: string
  caller: Caller
  input: { params: unknown; query: ListQuery }
}

/**
 * Which page the call asks for.
 *
 * @throws DomainError `invalid_parameter` for `page` with `cursor` and for pages too far away,
 *   `invalid_cursor` for a cursor of another list, filter, sort or caller
 */
export function readPage(deps: ApiDeps, call: ListCall): PageRequest {
  const { page, limit = LIMIT_DEFAULT, cursor } = call.input.query
  if (cursor !== undefined) {
    if (page !== undefined) throw refuse('page', 'Not together with cursor')
    return { kind: 'cursor', after: cursor === '' ? null : openCursor(deps, call, cursor), limit }
  }
  if ((page ?? 1) * limit > REACH_MAX) {
    throw refuse('page', `page × limit is at most ${REACH_MAX}`, 'Walk with ?cursor= instead.')
  }
  return { kind: 'page', page: page ?? 1, limit }
}

/** The envelope of a list: by page number or by cursor, as it was asked for. */
export function printPage<Row, Item>(
  deps: ApiDeps,
  call: ListCall,
  page: RowsPage<Row>,
  print: (row: Row) => Item,
): PageList<Item> | CursorList<Item> {
  const data = page.rows.map(print)
  const { page: number = 1, limit = LIMIT_DEFAULT, cursor } = call.input.query
  if (cursor === undefined) {
    return renderPageList(data, { page: number, limit, total: page.total ?? data.length })
  }
  return renderCursorList(data, page.next === null ? null : sealCursor(deps, call, page.next))
}

/** The schema of a list's answer. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.union([
    z.strictObject({
      data: z.array(item),
      pagination: z.strictObject({
        page: z.int(),
        limit: z.int(),
        total_pages: z.int(),
        total_items: z.int().openapi({ description: 'Exact up to 10,000.' }),
        total_exact: z.boolean(),
        has_next: z.boolean(),
        has_previous: z.boolean(),
      }),
    }),
    z.strictObject({
      data: z.array(item),
      pagination: z.strictObject({ next_cursor: z.string().nullable(), has_more: z.boolean() }),
    }),
  ])
}

function refuse(field: string, message: string, hint?: string): DomainError {
  return new DomainError('invalid_parameter', `The query parameter '${field}': ${message}`, {
    fields: [{ field, message }],
    ...(hint === undefined ? {} : { hint }),
  })
}

/** Position, a dot, and its signature; it holds ids and sort values that the client has seen. */
function sealCursor(deps: ApiDeps, call: ListCall, position: Position): string {
  const body = Buffer.from(JSON.stringify(position)).toString('base64url')
  return `${body}.${sign(deps, call, body).toString('base64url')}`
}

function openCursor(deps: ApiDeps, call: ListCall, cursor: string): Position {
  const [body = '', signature = ''] = cursor.split('.')
  const given = Buffer.from(signature, 'base64url')
  const right = sign(deps, call, body)
  if (given.length !== right.length || !timingSafeEqual(given, right)) {
    throw new DomainError('invalid_cursor', 'This cursor cannot be used here.', {
      fields: [{ field: 'cursor', message: 'Not a cursor of this list, filter, sort and key' }],
    })
  }
  return z.array(z.string()).parse(JSON.parse(Buffer.from(body, 'base64url').toString()))
}

function sign(deps: ApiDeps, call: ListCall, body: string): Buffer {
  const { page: _page, limit: _limit, cursor: _cursor, ...filters } = call.input.query
  const { operationId, caller, input } = call
  const bound = [operationId, caller.accountId, caller.customerId, input.params, filters]
  return createHmac('sha256', deps.config.keys.cursors)
    .update(`${canonicalJson(bound)}\n${body}`)
    .digest()
    .subarray(0, 16)
}
