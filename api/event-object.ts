import { z } from '@hono/zod-openapi'
import { EVENT_TYPES } from '../domain/event-type.ts'

/** An event, as webhooks carry it and as `GET /v2/events` lists it. */
export const eventObject = z
  .object({
    object: z.literal('event'),
    id: z.string().openapi({ description: 'The same on every attempt.' }),
    type: z.string().openapi({ enum: [...EVENT_TYPES], description: 'More may come.' }),
    created_at: z.iso.datetime(),
    sequence: z.int().openapi({ description: '1, 2, 3 … per object.' }),
    data: z.object({ object: z.record(z.string(), z.unknown()) }),
  })
  .openapi('Event', { description: '`data.object` is what a GET of the object answers.' })
