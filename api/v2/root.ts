import { z } from '@hono/zod-openapi'
import { route, type Route } from '../route.ts'

/** The version of the API: major in the path, minor here and in the OpenAPI document. */
export const API_VERSION = '2.3.0'
const RELEASED = '2026-01'

const version = route({
  operationId: 'getVersion',
  method: 'get',
  path: '/v2',
  tag: 'API',
  summary: 'Version of the API',
  access: 'public',
  rateClass: 'read',
  idempotency: 'none',
  responses: {
    200: {
      description: 'The version.',
      schema: z
        .strictObject({
          object: z.literal('api_version'),
          version: z.string().openapi({ example: API_VERSION }),
          released: z.string().openapi({ example: RELEASED }),
          links: z.strictObject({ docs: z.string(), openapi: z.string() }),
        })
        .openapi('ApiVersion'),
    },
  },
  errors: [],
  async handler() {
    return {
      status: 200,
      body: {
        object: 'api_version' as const,
        version: API_VERSION,
        released: RELEASED,
        links: { docs: '/docs', openapi: '/openapi.json' },
      },
    }
  },
})

export const rootRoutes: readonly Route[] = [version]
