import { z } from '@hono/zod-openapi'
import { getOutboxLevel } from '../db/outbox-level.ts'
import { route, type Route } from './route.ts'

const alive = route({
  operationId: 'getHealth',
  method: 'get',
  path: '/healthz',
  tag: 'API',
  summary: 'Whether the process is alive',
  description: 'Looks at nothing else: restart the process when this does not answer.',
  access: 'public',
  rateClass: 'read',
  idempotency: 'none',
  responses: {
    200: { description: 'Alive.', schema: z.strictObject({ status: z.literal('alive') }) },
  },
  errors: [],
  async handler() {
    return { status: 200, body: { status: 'alive' as const } }
  },
})

const ready = route({
  operationId: 'getReadiness',
  method: 'get',
  path: '/readyz',
  tag: 'API',
  summary: 'Whether requests can be served',
  description:
    'Asks the database. Orders are accepted without Temporal until the outbox is `full`; then they ' +
    'are refused with 503 while reads go on, so a full outbox is still ready.',
  access: 'public',
  rateClass: 'read',
  idempotency: 'none',
  responses: {
    200: {
      description: 'Ready.',
      schema: z.strictObject({
        status: z.literal('ready'),
        outbox: z.strictObject({
          status: z.enum(['accepting', 'full']),
          rows: z
            .int()
            .openapi({ description: 'Commands that Temporal has not got yet, at most.' }),
          oldest_age_seconds: z.int(),
        }),
      }),
    },
  },
  errors: [],
  async handler({ database, config }) {
    const { rowsMax, ageSecondsMax } = config.outbox
    const level = await getOutboxLevel(database.db, rowsMax)
    const isFull = level.rows >= rowsMax || level.oldestAgeSeconds >= ageSecondsMax
    return {
      status: 200,
      body: {
        status: 'ready' as const,
        outbox: {
          status: isFull ? ('full' as const) : ('accepting' as const),
          rows: level.rows,
          oldest_age_seconds: Math.floor(level.oldestAgeSeconds),
        },
      },
    }
  },
})

export const healthRoutes: readonly Route[] = [alive, ready]
