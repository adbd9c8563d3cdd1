import { Ajv2020 } from 'ajv/dist/2020.js'
import { default as addFormats } from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../../api/app.ts'
import { buildOpenApi, writeOpenApi } from '../../api/openapi.ts'
import { ROUTES } from '../../api/routes.ts'
import type { Route } from '../../api/route.ts'
import { EVENT_TYPES } from '../../domain/event-type.ts'
import { createLog } from '../../log.ts'
import { serveApi, type ServedApi } from './serve.ts'

type Operation = {
  operationId: string
  security: object[]
  responses: Record<string, object>
  requestBody?: object
}
type Document = {
  openapi: string
  info: { version: string }
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, { post: Operation }>
  components: { schemas: Record<string, { example?: unknown }> }
}

const document = JSON.parse(JSON.stringify(buildOpenApi())) as Document
const operations = Object.values(document.paths).flatMap((path) => Object.values(path))

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('openapi')
})
afterAll(() => api.stop())

test('docs/openapi/v2.json is what the routes declare (npm run codegen writes it)', async () => {
  expect(await writeOpenApi({ check: true })).toBe(true)
})

test('/openapi.json is this document', async () => {
  const answer = await fetch(`${api.url}/openapi.json`)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.json()).toEqual(document)
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '2.3.0' } })
})

test('it lists every route and every event, each by a name of its own', () => {
  const listed = operations.map(({ operationId }) => operationId)
  expect(listed.toSorted()).toEqual(ROUTES.map(({ operationId }) => operationId).toSorted())
  expect(new Set(listed).size).toBe(listed.length)
  expect(Object.keys(document.webhooks).toSorted()).toEqual([...EVENT_TYPES].toSorted())
})

test('every operation names each status that the gateway itself can answer with', () => {
  for (const { operationId, security, responses, requestBody } of operations) {
    const keyed = security.length > 0 ? ['401', '403', '429'] : []
    const withBody = requestBody === undefined ? [] : ['413', '422']
    for (const status of ['400', '500', '503', ...keyed, ...withBody]) {
      expect(Object.keys(responses), operationId).toContain(status)
    }
  }
})

test('every reference leads somewhere and every schema can be used', () => {
  const ajv = new Ajv2020({ strict: false })
  addFormats.default(ajv)
  ajv.addFormat('binary', true)
  ajv.addSchema(document, 'openapi')
  for (const name of Object.keys(document.components.schemas)) {
    expect(ajv.getSchema(`openapi#/components/schemas/${name}`), name).toBeTypeOf('function')
  }
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
  for (const [, pointer = ''] of references) {
    const target = pointer
      .split('/')
      .reduce<unknown>((at, key) => Reflect.get(Object(at), key), document)
    expect(target, pointer).toBeDefined()
  }
})

const some = ROUTES.find(({ operationId }) => operationId === 'createProduct')
if (some === undefined) throw new Error('createProduct is gone')

test.each<[string, Route[]]>([
  ['two routes with one name', [some, { ...some, path: '/v2/other' }]],
  ['two routes on one path', [some, { ...some, operationId: 'other' }]],
  ['a GET that counts as a write', [{ ...some, method: 'get', idempotency: 'none' }]],
  ['a POST that counts as a read', [{ ...some, rateClass: 'read' }]],
  ['a PUT with an Idempotency-Key', [{ ...some, method: 'put' }]],
  [
    'a route without a scope',
    [JSON.parse(JSON.stringify({ ...some, access: undefined })) as Route],
  ],
  [
    'a route without a rate class',
    [JSON.parse(JSON.stringify({ ...some, rateClass: undefined })) as Route],
  ],
  [
    'a route without idempotency',
    [JSON.parse(JSON.stringify({ ...some, idempotency: undefined })) as Route],
  ],
])('%s does not start', (_, routes) => {
  const { database, config } = api
  expect(() => buildApp({ database, config, log: createLog('t', 'silent') }, routes)).toThrow(Error)
})

test('the reference and the list of errors are there without a key or another host', async () => {
  for (const path of ['/docs', '/docs/errors']) {
    const answer = await fetch(`${api.url}${path}`)
    const page = await answer.text()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    for (const [, target = ''] of page.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(target, path).toMatch(/^\//)
      const asset = await fetch(`${api.url}${target}`)
      await asset.arrayBuffer()
      expect(asset.status, target).toBe(200)
    }
  }
})

test('every reason has its place in the list of errors', async () => {
  const page = await (await fetch(`${api.url}/docs/errors`)).text()
  const answer = await fetch(`${api.url}/v2/products`)
  const { error } = (await answer.json()) as { error: { doc_url: string } }
  expect(error.doc_url).toBe('/docs/errors#invalid_key')
  expect(page).toContain('id="invalid_key"')
})
