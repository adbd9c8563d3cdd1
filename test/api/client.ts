import { Ajv2020 } from 'ajv/dist/2020.js'
import { default as addFormats } from 'ajv-formats'
import { buildOpenApi } from '../../api/openapi.ts'

/** A JSON answer of unknown shape, for tests that look at a few of its fields. */
export interface Body {
  readonly [field: string]: Body
}

export type TestAnswer<Shape = Body> = {
  status: number
  headers: Headers
  /** The JSON body; undefined when there is none. */
  body: Shape
  bytes: Buffer
}

type Options = { headers?: Record<string, string>; key?: string | null }

/** Talks to the API as a client would, and fails the test when an answer is not as documented. */
export type TestClient = {
  request<Shape = Body>(
    method: string,
    path: string,
    options?: Options & { body?: unknown; rawBody?: string | Uint8Array },
  ): Promise<TestAnswer<Shape>>
  get<Shape = Body>(path: string, options?: Options): Promise<TestAnswer<Shape>>
  post<Shape = Body>(path: string, body?: unknown, options?: Options): Promise<TestAnswer<Shape>>
  put<Shape = Body>(path: string, body?: unknown, options?: Options): Promise<TestAnswer<Shape>>
  patch<Shape = Body>(path: string, body?: unknown, options?: Options): Promise<TestAnswer<Shape>>
  delete(path: string, options?: Options): Promise<TestAnswer>
}

/** `fetch` of undici, or of an app without a socket: `(url, init) => app.request(url, init)`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response> | Response

/** A client of the API at `baseUrl` with a key; `null` sends none. */
export function createClient(
  baseUrl: string,
  key: string | null,
  fetchIt: Fetch = (url, init) => fetch(url, init),
): TestClient {
  const request: TestClient['request'] = async (method, path, options = {}) => {
    const bearer = options.key === undefined ? key : options.key
    const init: RequestInit = {
      method,
      headers: {
        ...(bearer === null ? {} : { Authorization: `Bearer ${bearer}` }),
        ...('body' in options || 'rawBody' in options
          ? { 'Content-Type': 'application/json' }
          : {}),
        ...options.headers,
      },
      redirect: 'manual',
    }
    if (options.rawBody !== undefined) init.body = Buffer.from(options.rawBody)
    else if (options.body !== undefined) init.body = JSON.stringify(options.body)
    const response = await fetchIt(`${baseUrl}${path}`, init)
    const bytes = Buffer.from(await response.arrayBuffer())
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && bytes.length > 0
    const body: unknown = isJson ? JSON.parse(bytes.toString()) : undefined
    const answer = { status: response.status, headers: response.headers, body, bytes }
    const problems = findProblems(method, path, answer, bearer !== null)
    if (problems.length > 0) {
      const seen = bytes.toString().slice(0, 2_000)
      throw new Error(
        `${method} ${path} → ${response.status} is not as documented:\n  ${problems.join('\n  ')}\n${seen}`,
      )
    }
    return answer as never
  }
  const send =
    (method: string): TestClient['post'] =>
    (path, body, options) =>
      request(method, path, { ...options, ...(body === undefined ? {} : { body }) })
  return {
    request,
    get: (path, options) => request('GET', path, options),
    post: send('POST'),
    put: send('PUT'),
    patch: send('PATCH'),
    delete: (path, options) => request('DELETE', path, options),
  }
}

type ResponseObject = {
  $ref?: string
  description: string
  headers?: Record<string, { required?: boolean }>
  content?: Record<string, unknown>
}
type Operation = { security?: object[]; responses: Record<string, ResponseObject> }
type OpenApi = {
  paths: Record<string, Record<string, Operation>>
  components: { responses: Record<string, ResponseObject> }
}

let contract: { openApi: OpenApi; ajv: Ajv2020 } | undefined

/** What /openapi.json says (a test compares the two); compiling it once serves every client. */
function loadContract(): { openApi: OpenApi; ajv: Ajv2020 } {
  if (contract !== undefined) return contract
  const openApi = JSON.parse(JSON.stringify(buildOpenApi())) as OpenApi
  for (const { responses } of Object.values(openApi.paths).flatMap((path) => Object.values(path))) {
    for (const [status, { $ref }] of Object.entries(responses)) {
      const shared = openApi.components.responses[$ref?.split('/').at(-1) ?? '']
      if (shared !== undefined) responses[status] = shared
    }
  }
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addFormat('binary', true)
  ajv.addSchema(openApi, 'openapi')
  contract = { openApi, ajv }
  return contract
}

function findProblems(
  method: string,
  path: string,
  answer: TestAnswer<unknown>,
  keyed: boolean,
): string[] {
  const { openApi, ajv } = loadContract()
  const template = findTemplate(openApi, path.split('?')[0] ?? path)
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
  const operation = template === null ? undefined : openApi.paths[template]?.[verb]
  const isKeyed = keyed && (operation?.security ?? []).length > 0
  const problems = findErrorProblems(answer, isKeyed)
  if (template === null || operation === undefined) {
    const expected = template === null ? 404 : 405
    if (answer.status !== expected && answer.status < 500) problems.push(`is not ${expected}`)
    return [...problems, ...validate(ajv, '#/components/schemas/Error', answer.body)]
  }
  const spec = operation.responses[String(answer.status)]
  if (spec === undefined) return [...problems, `status ${answer.status} is not documented`]
  for (const [name, header] of Object.entries(spec.headers ?? {})) {
    if (header.required === true && !answer.headers.has(name)) problems.push(`${name} is missing`)
  }
  const reason = reasonOf(answer.body)
  if (reason !== null && !spec.description.includes(`\`${reason}\``)) {
    problems.push(`the reason ${reason} is not documented for ${answer.status}`)
  }
  if (method === 'HEAD') return problems
  const media = (answer.headers.get('content-type') ?? '').split(';')[0]?.trim() ?? ''
  if (spec.content === undefined) {
    return answer.bytes.length === 0 ? problems : [...problems, 'has a body that is not documented']
  }
  if (!(media in spec.content)) return [...problems, `media type ${media} is not documented`]
  if (!/json/.test(media)) return problems
  const pointer = ['paths', template, verb, 'responses', String(answer.status), 'content', media]
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  return [...problems, ...validate(ajv, `#/${pointer}/schema`, answer.body)]
}

/** What holds for every answer: its id, and for a keyed refusal the limits. */
function findErrorProblems(answer: TestAnswer<unknown>, keyed: boolean): string[] {
  const problems: string[] = []
  const requestId = answer.headers.get('x-request-id') ?? ''
  if (!/^req_[0-9a-f]{26}$/.test(requestId)) problems.push('X-Request-Id is missing')
  if (answer.status < 400) return problems
  const error = (answer.body as { error?: { request_id?: unknown } } | undefined)?.error
  if (error !== undefined && error.request_id !== requestId) {
    problems.push('request_id is not that of the header')
  }
  const counted = [400, 404, 409, 412, 413, 422, 429].includes(answer.status)
  if (keyed && counted && !answer.headers.has('x-ratelimit-limit')) {
    problems.push('X-RateLimit-Limit is missing')
  }
  return problems
}

/** The reason of a refusal in either shape, or null. */
function reasonOf(body: unknown): string | null {
  const { error, reason } = Object(body) as { error?: { reason?: string }; reason?: unknown }
  if (typeof error?.reason === 'string') return error.reason
  return typeof reason === 'string' && 'request_id' in Object(body) ? reason : null
}

function validate(ajv: Ajv2020, pointer: string, body: unknown): string[] {
  const check = ajv.getSchema(`openapi${pointer}`)
  if (check === undefined) return [`${pointer} is not in the document`]
  if (check(body)) return []
  return (check.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`)
}

/** The documented path with the fewest parameters that matches. */
function findTemplate(openApi: OpenApi, path: string): string | null {
  const matching = Object.keys(openApi.paths).filter((template) => {
    const pattern = template.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(path)
  })
  return matching.toSorted((a, b) => a.split('{').length - b.split('{').length)[0] ?? null
}
