import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildOpenApi } from '../../api/openapi.ts'
import { ROUTES } from '../../api/routes.ts'
import type { Route } from '../../api/route.ts'
import { makeAccount, makeCustomer, makeProduct } from '../factories.ts'
import type { TestClient } from './client.ts'
import { serveApi, type ServedApi } from './serve.ts'

/** promises.md section 2, against every route that takes a body, also those that are yet to come. */
const WITH_BODY = ROUTES.filter((route) => route.schemas.body !== null)

let api: ServedApi
let client: TestClient
const ids: Record<string, string> = {}

beforeAll(async () => {
  api = await serveApi('bad_input')
  const account = await makeAccount(api.database)
  client = api.client(account.key)
  ids['products'] = (await makeProduct(api.database, account.accountId)).id
  ids['customers'] = await makeCustomer(api.database, account.accountId)
})
afterAll(() => api.stop())

/** A path whose ids are real where a factory makes them, so that the body is what is refused. */
function pathOf(route: Route): string {
  const noun = route.path.split('/')[2] ?? ''
  return route.path.replaceAll(/\{\w+\}/g, ids[noun] ?? `x_${'0'.repeat(26)}`)
}

/** Rows of every table but the limiter's, which counts refused requests too. */
async function countRows(): Promise<Record<string, number>> {
  const { rows } = await api.database.pool.query<{ name: string; n: number }>(`
    select table_name as name, (xpath('/row/n/text()', query_to_xml(
      format('select count(*) as n from %I', table_name), false, true, '')))[1]::text::int as n
    from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'rate_limits'`)
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]))
}

const quoted = (text: string) => `{"name":"${text}"}`
const UNUSABLE: [string, string | Uint8Array][] = [
  ['no JSON', 'name=x'],
  ['cut off', '{"name":"x'],
  ['a trailing comma', '{"name":"x",}'],
  ['NUL', quoted('a\\u0000b')],
  ['half a surrogate pair', quoted('\\udfff')],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['__proto__', '{"__proto__":{"status":"archived"}}'],
  ['__proto__ deep inside', '{"metadata":{"a":{"__proto__":1}}}'],
  ['a key twice', '{"name":"a","name":"b"}'],
  ['too deep', `{"metadata":${'['.repeat(40)}${']'.repeat(40)}}`],
  ['UTF-16', Buffer.from('{"name":"x"}', 'utf16le')],
]
const INVALID: [string, string][] = [
  ['an array', '[]'],
  ['a text', '"x"'],
  ['a number', '1'],
  ['null', 'null'],
  ['an unknown field', '{"no_such_field":1}'],
  ['a huge unknown field', `{"${'k'.repeat(100_000)}":1}`],
  ['a field of the prototype', '{"constructor":{"prototype":{}}}'],
  ['a number past 2^53', '{"no_such_field":9007199254740993}'],
]
const VALUES: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e300,
  12345.678,
  '',
  ' ',
  'x',
  '\u0007',
  '\u202e',
  "'; drop table products; --",
  '{{7*7}}${7*7}<script>alert(1)</script>',
  '../../etc/passwd',
  '4242424242424242',
  '9'.repeat(400),
  'x'.repeat(20_000),
  [],
  ['x'],
  [null],
  Array.from({ length: 2_000 }, () => ({})),
  {},
  { x: {} },
  { 'a.b': 'c', toString: 'x' },
]

type Refused = { error: { reason: string; details: { field: string }[] } }

describe.each(WITH_BODY.map((route) => [route.operationId, route] as const))('%s', (_, route) => {
  const send = (rawBody: string | Uint8Array) =>
    client.request<Refused>(route.method.toUpperCase(), pathOf(route), { rawBody })

  test('refuses what is no JSON object, and writes nothing', async () => {
    const before = await countRows()
    for (const [what, rawBody] of UNUSABLE) {
      const answer = await send(rawBody)
      expect(answer.status, what).toBe(400)
      expect(answer.body.error.reason, what).toBe('invalid_body')
    }
    for (const [what, rawBody] of INVALID) {
      const answer = await send(rawBody)
      expect(answer.status, what).toBe(422)
      expect(answer.body.error.details.length, what).toBeGreaterThan(0)
    }
    expect(await countRows()).toEqual(before)
  })

  test('meets any value in any field with an answer that is documented, never a 5xx', async () => {
    const base = baseOf(route)
    const tryValue = async (field: string, value: unknown) => {
      const startedAt = performance.now()
      const { status } = await send(JSON.stringify({ ...base, [field]: value }))
      const what = `${field}: ${JSON.stringify(value).slice(0, 60)}`
      expect(status, what).toBeLessThan(500)
      expect(performance.now() - startedAt, what).toBeLessThan(2_000)
    }
    for (const field of fieldsOf(route)) {
      await Promise.all(VALUES.map((value) => tryValue(field, value)))
    }
    expect((await client.get('/readyz', { key: null })).status).toBe(200)
  })
})

const READS = ROUTES.filter(({ method }) => method === 'get')
const QUERIES = [
  '?no_such_parameter=1',
  '?limit=1&limit=2',
  '?x=%00',
  '?x=%ff',
  '?%00=1',
  '?__proto__=1',
  '?limit=201',
  '?limit=-1',
  '?limit=9007199254740993',
  '?page=1&cursor=',
  '?cursor=AAAA.AAAA',
  `?x=${'x'.repeat(8_000)}`,
]
const IDS = [
  '%00',
  '%ff',
  '%',
  '..%2f..',
  "'%20or%20'1'='1",
  'x'.repeat(2_000),
  '%F0%9F%98%80',
  '-1',
  'null',
]

describe.each(READS.map((route) => [route.operationId, route] as const))('%s', (_, route) => {
  test('refuses a query that it does not know with 400', async () => {
    for (const query of QUERIES) {
      const answer = await client.get<Refused>(`${pathOf(route)}${query}`)
      // What is below an object that is not there may be 404 before its page is looked at.
      const expected = route.path.includes('{') ? [400, 404] : [400]
      expect(expected, query).toContain(answer.status)
    }
  })
})

test.each(
  READS.filter(({ path }) => path.replace('{date}', '').includes('{')).map(
    (route) => [route.operationId, route] as const,
  ),
)('%s meets an id that cannot be one with 400 or 404', async (_, route) => {
  for (const id of IDS) {
    const answer = await client.get(route.path.replaceAll(/\{\w+\}/g, id))
    expect([400, 404], id).toContain(answer.status)
  }
})

/** What a route needs before one field of it is spoiled. */
function baseOf(route: Route): object {
  const unique = randomUUID()
  const order = {
    customer_id: ids['customers'],
    items: [{ product_id: ids['products'], quantity: 1 }],
  }
  const bases: Record<string, object> = {
    createProduct: { name: 'P', price: 1, sku: unique },
    createCustomer: { email: `${unique}@customer.example` },
    createOrder: order,
    createTransaction: order,
    createWebhook: { url: 'https://your-domain.com/webhook', events: ['order.created'] },
  }
  return bases[route.operationId] ?? {}
}

type BodySchema = { $ref?: string; properties?: object; oneOf?: BodySchema[] }

/** The names of a body's fields, as the document lists them; of every kind, where there are several. */
function fieldsOf(route: Route): string[] {
  const document = buildOpenApi([route]) as unknown as {
    components: { schemas: Record<string, BodySchema> }
    paths: Record<
      string,
      Record<
        string,
        {
          requestBody: {
            content: Record<string, { schema: BodySchema }>
          }
        }
      >
    >
  }
  const operation = document.paths[route.path]?.[route.method]
  const named = (schema: BodySchema): BodySchema =>
    document.components.schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema
  const schema = named(operation?.requestBody.content['application/json']?.schema ?? {})
  const kinds = (schema.oneOf ?? [schema]).map(named)
  const fields = [...new Set(kinds.flatMap(({ properties }) => Object.keys(properties ?? {})))]
  if (fields.length === 0) throw new Error(`${route.operationId}: its body has no fields`)
  return fields
}
