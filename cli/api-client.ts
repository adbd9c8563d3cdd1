import { z } from 'zod'
import type { CommandContext } from './command.ts'

/** What the commands hear of the API when it refuses. */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal'
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Talks to the API as any client would; what it answers is read by a schema. */
export type ApiClient = {
  get<Shape>(path: string, shape: z.ZodType<Shape>, headers?: Headers): Promise<Shape>
  post<Shape>(
    path: string,
    body: unknown,
    shape: z.ZodType<Shape>,
    headers?: Headers,
  ): Promise<Shape>
  patch<Shape>(path: string, body: unknown, shape: z.ZodType<Shape>): Promise<Shape>
  delete(path: string): Promise<void>
  getBytes(path: string): Promise<Uint8Array>
  /** Every item of a list, page after page. */
  list<Shape>(path: string, item: z.ZodType<Shape>): Promise<Shape[]>
}

type Headers = Record<string, string>

const ANSWER_MS_MAX = 40_000 // the longest poll of the API is 25 s

const errorShape = z.object({ error: z.object({ message: z.string(), hint: z.string() }) })

/**
 * A client with a key. Every call throws `ApiRefusal` for an answer that is not 2xx, and an error
 * that names the path for an answer that is not what the API documents.
 */
export function openApiClient(baseUrl: string, key: string): ApiClient {
  const call = async (method: string, path: string, body?: unknown, headers: Headers = {}) => {
    const response = await reach(`${baseUrl}${path}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (response.ok) return response
    throw new ApiRefusal(await wordsOf(method, path, response), response.status)
  }
  const read = async <Shape>(path: string, shape: z.ZodType<Shape>, response: Response) => {
    const parsed = shape.safeParse(await response.json())
    if (parsed.success) return parsed.data
    throw new Error(`${path} answered what was not expected: ${z.prettifyError(parsed.error)}`)
  }
  return {
    async get(path, shape, headers) {
      return read(path, shape, await call('GET', path, undefined, headers))
    },
    async post(path, body, shape, headers) {
      return read(path, shape, await call('POST', path, body, headers))
    },
    async patch(path, body, shape) {
      return read(path, shape, await call('PATCH', path, body))
    },
    async delete(path) {
      await call('DELETE', path)
    },
    async getBytes(path) {
      return new Uint8Array(await (await call('GET', path)).arrayBuffer())
    },
    async list(path, item) {
      const page = z.object({
        data: z.array(item),
        pagination: z.object({ next_cursor: z.string().nullable() }),
      })
      const items = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const at: string = withQuery(path, { cursor })
        const { data, pagination } = await read(at, page, await call('GET', at))
        items.push(...data)
        cursor = pagination.next_cursor
      }
      return items
    },
  }
}

/** The API of the sandbox account that runs on the data folder; throws in words when none does. */
export function openSandbox({ running }: CommandContext): ApiClient & { url: string } {
  if (running === null || running.api === null || running.keys.account === null) {
    throw new Error('Bark is not running with sandbox data on this data folder: npm start')
  }
  return { ...openApiClient(running.api, running.keys.account), url: running.api }
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    throw new Error(`${new URL(url).origin} does not answer`, { cause: error })
  }
}

async function wordsOf(method: string, path: string, response: Response): Promise<string> {
  const text = await response.text()
  const parsed = errorShape.safeParse(text.startsWith('{') ? JSON.parse(text) : null)
  const said = parsed.success ? `${parsed.data.error.message} ${parsed.data.error.hint}` : ''
  return `${method} ${path} answered ${response.status}. ${said}`.trim()
}

function withQuery(path: string, query: Record<string, string>): string {
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`
}
