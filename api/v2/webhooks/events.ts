import { z } from '@hono/zod-openapi'
import { getEvent, getEventsEnd, listEvents, type StoredEvent } from '../../../db/events.ts'
import type { PageRequest } from '../../../db/keyset.ts'
import { EVENT_TYPES } from '../../../domain/event-type.ts'
import { renderEvent } from '../../../wire/event.ts'
import type { ApiDeps } from '../../deps.ts'
import { eventObject } from '../../event-object.ts'
import { idParameter, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'

const TAG = 'Events'
const LATEST = 'latest'

const listing = route({
  operationId: 'listEvents',
  method: 'get',
  path: '/v2/events',
  tag: TAG,
  summary: 'List events',
  description:
    'In the order in which they became visible, the oldest first. For polling: start with `?cursor=` and ' +
    'go on with `next_cursor`, which this list gives at its end too; no event is skipped, and none comes ' +
    'twice. `?cursor=latest` starts with what comes from now on. A key that is bound to a customer sees the events of that customer.',
  access: 'events:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    type: z.enum(EVENT_TYPES).optional(),
    object_id: z.string().min(1).max(200).optional().openapi({
      description: 'What the event is about: `txn_…` for orders and transactions.',
    }),
  }),
  responses: { 200: { description: 'Events.', schema: listOf(eventObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { type, object_id } = call.input.query
    const filter = { type, objectId: object_id }
    const request = await readWalk(deps, call)
    const page = await listEvents(deps.database.db, call.caller, filter, request)
    // A poller at the end goes on from where it is, so it always gets a cursor.
    const after = request.kind === 'cursor' ? request.after : null
    const next = page.next ?? page.rows.at(-1)?.position ?? after
    const list = printPage(deps, call, { ...page, next }, print)
    if (!('next_cursor' in list.pagination)) return { status: 200, body: list }
    const pagination = { ...list.pagination, has_more: page.next !== null }
    return { status: 200, body: { data: list.data, pagination } }
  },
})

const reading = route({
  operationId: 'getEvent',
  method: 'get',
  path: '/v2/events/{id}',
  tag: TAG,
  summary: 'Get an event',
  access: 'events:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'evt_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The event.', schema: eventObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input }) {
    const id = requireId('event', input.params.id)
    return { status: 200, body: print(await getEvent(deps.database.db, caller, id)) }
  },
})

export const eventRoutes: readonly Route[] = [listing, reading]

/** `latest` starts a walk at the end instead of the beginning. */
async function readWalk(deps: ApiDeps, call: Parameters<typeof readPage>[1]): Promise<PageRequest> {
  const { query } = call.input
  if (query.cursor !== LATEST) return readPage(deps, call)
  const request = readPage(deps, {
    ...call,
    input: { ...call.input, query: { ...query, cursor: '' } },
  })
  const { db } = deps.database
  return request.kind === 'page' ? request : { ...request, after: await getEventsEnd(db) }
}

function print({ transaction, ...event }: StoredEvent) {
  return renderEvent(event, transaction)
}
