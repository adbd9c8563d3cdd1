import { readFile, writeFile } from 'node:fs/promises'
import { OpenAPIHono, z, type RouteConfig } from '@hono/zod-openapi'
import { DOMAIN_REASONS, type DomainReason } from '../domain/error.ts'
import { EVENT_TYPES, type EventType } from '../domain/event-type.ts'
import { PLANS } from '../domain/plan.ts'
import { ERROR_CODES } from './error-codes.ts'
import { REFUSALS } from './refusals.ts'
import type { ResponseSpec, Route } from './route.ts'
import { ROUTES } from './routes.ts'
import { EVENT_OBJECTS, eventBody } from './v2/webhooks/event-bodies.ts'
import { API_VERSION } from './v2/root.ts'

const FILE = new URL('../docs/openapi/v2.json', import.meta.url)

/** The OpenAPI 3.1 document, made of the routes' own declarations. */
export function buildOpenApi(routes: readonly Route[] = ROUTES) {
  const hono = new OpenAPIHono()
  const registry = hono.openAPIRegistry
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key: `Authorization: Bearer test_…`',
  })
  registry.register('Error', errorObject)
  registry.register('Problem', problemObject)
  for (const route of routes) registry.registerPath(describe(route, registry))
  for (const type of EVENT_TYPES) registry.registerWebhook(describeWebhook(type))
  return hono.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Bark API',
      version: API_VERSION,
      description: INTRODUCTION,
    },
    servers: [{ url: '/', description: 'The server that this document came from' }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
  })
}

/**
 * Writes the document to docs/openapi/v2.json, or with `check` compares it.
 *
 * @returns false when the file was not current; it is afterwards, unless `check`
 */
export async function writeOpenApi({ check }: { check: boolean }): Promise<boolean> {
  const fresh = `${JSON.stringify(buildOpenApi(), null, 2)}\n`
  const kept = await readFile(FILE, 'utf8').catch(() => '')
  if (!check && kept !== fresh) await writeFile(FILE, fresh)
  return kept === fresh
}

const INTRODUCTION = `Orders in, codes out, the day closed, the invoice sent.

Every request carries \`Authorization: Bearer <key>\`; the key's prefix says whether it opens the test or the
live account. Money is a decimal number in major units, and each amount is also there in minor units as
\`<field>_minor\`. Lists come as numbered pages (\`page\`, \`limit\`) or, when \`cursor\` is given, as a walk.

Limits count per key and second: ${PLANS.free.perSecond.read} reads (a burst of up to twice as many is served, the
surplus up to a second late) and ${PLANS.free.perSecond.write} writes, unless the key has its own. The plan's hour and
day count all requests of the account, in UTC: ${describePlans()}.
In an hour, up to twice as many are served, late, when the hour before stayed within its limit; the day has no such
room. An answer 429 has done nothing, counts in no hour and no day, and says in \`Retry-After\` when to come back.
Reading the codes of an order counts in the second only while nothing is delivered or nothing is new.`

function describePlans(): string {
  return (['free', 'starter', 'professional'] as const)
    .map((plan) => `${plan} ${PLANS[plan].perHour} and ${PLANS[plan].perDay}`)
    .join(', ')
}

// Every answer has the first; keyed ones have them all.
const ANSWER_HEADERS = { 'X-Request-Id': 'Id of this request: tell it to support.' }
const KEYED_HEADERS = {
  'X-RateLimit-Limit': 'Requests that the tightest window allows: second, hour or day.',
  'X-RateLimit-Remaining': 'How many of them are left.',
  'X-RateLimit-Reset': 'Unix time in seconds at which that window ends.',
  'RateLimit-Policy': 'Every window as `"name";q=<requests>;w=<seconds>` (IETF draft).',
  RateLimit: 'Every window as `"name";r=<left>;t=<seconds until it ends>` (IETF draft).',
}
const TAG_HEADERS = { ETag: 'Names this representation: send it back in `If-None-Match`.' }

const ALWAYS_SENT = new Set([
  ...Object.keys({ ...ANSWER_HEADERS, ...KEYED_HEADERS, ...TAG_HEADERS }),
  'Location',
  'Retry-After',
])

/** What a route may refuse whatever it does; its own `errors` come on top. */
function commonReasons(route: Route): DomainReason[] {
  const isKeyed = route.access !== 'public'
  const takesBody = route.method !== 'get' && route.method !== 'delete'
  return [
    'invalid_parameter',
    'plain_http',
    'unexpected',
    'service_unavailable',
    'busy',
    ...(isKeyed ? (['invalid_key', 'rate_limited'] as const) : []),
    ...(isKeyed && route.access !== 'any_key' ? (['forbidden_scope'] as const) : []),
    ...(takesBody ? (['invalid_body', 'payload_too_large', 'invalid_fields'] as const) : []),
    ...(route.idempotency === 'none'
      ? []
      : (['idempotency_in_flight', 'idempotency_key_reuse'] as const)),
    ...(route.idempotency === 'createOrder' ? (['idempotency_key_required'] as const) : []),
  ]
}

const errorObject = z
  .strictObject({
    error: z.strictObject({
      code: z.enum(ERROR_CODES),
      message: z.string().openapi({ description: 'For people; may change.' }),
      details: z.array(z.strictObject({ field: z.string(), message: z.string() })),
      request_id: z.string(),
      reason: z.enum(DOMAIN_REASONS).openapi({ description: 'The exact word; more may come.' }),
      hint: z.string(),
      doc_url: z.string(),
    }),
  })
  .openapi('Error')

const problemObject = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(ERROR_CODES),
    reason: z.enum(DOMAIN_REASONS),
    request_id: z.string(),
  })
  .openapi('Problem', { description: 'RFC 9457, for `Accept: application/problem+json`.' })

function describe(route: Route, registry: Registry): RouteConfig {
  const isKeyed = route.access !== 'public'
  return {
    operationId: route.operationId,
    method: route.method,
    path: route.path,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: isKeyed ? [{ apiKey: [] }] : [],
    'x-scope': route.access,
    'x-rate-class': route.rateClass,
    'x-idempotency': route.idempotency,
    request: {
      params: asObject(route.schemas.params),
      query: asObject(route.schemas.query),
      ...(route.idempotency === 'none' ? {} : { headers: [idempotencyHeader] }),
      ...(route.file === undefined ? {} : { body: describeFile(route.file.media) }),
      ...(route.schemas.body === null
        ? {}
        : {
            body: {
              required: !route.schemas.body.safeParse({}).success,
              content: { 'application/json': { schema: route.schemas.body } },
            },
          }),
    },
    responses: { ...describeAnswers(route), ...describeRefusals(route, registry) },
  }
}

type Registry = OpenAPIHono['openAPIRegistry']
type AnswerEntry = [status: string, answer: RouteConfig['responses'][string]]

const idempotencyHeader = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .openapi({
    param: { name: 'Idempotency-Key', in: 'header' },
    description: 'Any text of your own. The same request under the same key is carried out once.',
  })

function describeAnswers(route: Route): RouteConfig['responses'] {
  const isKeyed = route.access !== 'public'
  const common = {
    ...ANSWER_HEADERS,
    ...(isKeyed ? KEYED_HEADERS : {}),
    ...(route.entityTag === true ? TAG_HEADERS : {}),
    ...(route.idempotency === 'key24h' || route.idempotency === 'keyForEver'
      ? { 'Idempotent-Replayed': '`true` when the answer was kept from the first request.' }
      : {}),
  }
  const answers = Object.entries(route.responses).map(([status, spec]): AnswerEntry => [
    status,
    {
      description: spec.description,
      headers: describeHeaders({ ...common, ...spec.headers }),
      ...contentOf(spec),
    },
  ])
  const known = { description: 'As the client knows it.', headers: describeHeaders(common) }
  return {
    ...(route.method === 'get' && route.entityTag === true ? { 304: known } : {}),
    ...Object.fromEntries(answers),
  }
}

function describeFile(media: readonly string[]) {
  const schema = z.string().openapi({ type: 'string', format: 'binary' })
  return { required: true, content: Object.fromEntries(media.map((each) => [each, { schema }])) }
}

function contentOf(spec: ResponseSpec): { content?: Record<string, { schema: z.ZodType }> } {
  if (spec.schema !== undefined) return { content: { 'application/json': { schema: spec.schema } } }
  if (spec.media === undefined) return {}
  const bytes = z.string().openapi({ type: 'string', format: 'binary' })
  return { content: Object.fromEntries(spec.media.map((media) => [media, { schema: bytes }])) }
}

/** One answer per status, with the reasons that it can have; routes with the same ones share it. */
function describeRefusals(route: Route, registry: Registry): RouteConfig['responses'] {
  const reasons = [...new Set([...commonReasons(route), ...route.errors])].toSorted()
  const byStatus = Object.groupBy(reasons, (reason) => String(REFUSALS[reason].status))
  const refusals = Object.entries(byStatus).map(([status, group = []]): AnswerEntry => {
    const name = ['Refused', status, ...group].join('_')
    registry.registerComponent('responses', name, describeRefusal(status, group))
    return [status, { $ref: `#/components/responses/${name}` }]
  })
  return Object.fromEntries(refusals)
}

function describeRefusal(status: string, reasons: readonly DomainReason[]) {
  const waits = status === '429' || status === '503'
  return {
    description: reasons.map((reason) => `\`${reason}\``).join(', '),
    headers: describeHeaders({
      ...ANSWER_HEADERS,
      ...(waits ? { 'Retry-After': 'Seconds to wait.' } : {}),
    }),
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/Error' } },
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    },
  }
}

function describeHeaders(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      {
        description,
        schema: { type: 'string' as const },
        ...(ALWAYS_SENT.has(name) ? { required: true } : {}),
      },
    ]),
  )
}

function describeWebhook(type: EventType): RouteConfig {
  const { summary, planned } = EVENT_OBJECTS[type]
  return {
    method: 'post',
    path: type,
    operationId: `webhook.${type}`,
    tags: ['Webhook events'],
    summary: type,
    description: planned === true ? `${summary} Not emitted yet.` : summary,
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: eventBody(type) } },
      },
    },
    responses: { 200: { description: 'Any 2xx within 15 seconds: the event was received.' } },
  }
}

/** Path and query schemas are objects: `route` makes them so, and only the type forgot it. */
function asObject(schema: z.ZodType): z.ZodObject | undefined {
  return schema instanceof z.ZodObject && Object.keys(schema.shape).length > 0 ? schema : undefined
}
