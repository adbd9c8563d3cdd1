import { setTimeout as delay } from 'node:timers/promises'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext } from '../context.ts'
import { parseJson } from '../json.ts'

export const BODY_BYTES_MAX = 256 * 1024 // design 3.1: a thousand lines fit into half of it
const BODY_MS_MAX = 10_000 // a phone on a bad line manages 256 KiB; a slow loris does not

/**
 * The JSON body of a request, or undefined when there is none.
 *
 * @throws DomainError `payload_too_large` (413), or `invalid_body` (400) for another content type,
 *   an encoding, a body that does not arrive in time, and text that is not strict JSON
 */
export async function readBody(ctx: ApiContext): Promise<unknown> {
  const declared = Number(ctx.req.header('content-length') ?? Number.NaN)
  if (declared > BODY_BYTES_MAX) throw tooLarge(ctx)
  const isChunked = ctx.req.header('transfer-encoding') !== undefined
  if (ctx.req.raw.body === null || (!isChunked && declared === 0)) return undefined
  const bytes = await readBytes(ctx)
  if (bytes.length === 0) return undefined
  requireJson(ctx)
  return parseJson(bytes)
}

async function readBytes(ctx: ApiContext): Promise<Uint8Array> {
  const late = new AbortController()
  const body: ReadableStream<Uint8Array> | null = ctx.req.raw.body
  const reader = body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const timeout = delay(BODY_MS_MAX, 'late' as const, { signal: late.signal, ref: false })
  // Aborting the timer rejects it; nobody listens any more by then.
  timeout.catch(() => undefined)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const read = await Promise.race([reader.read(), timeout])
      if (read === 'late') throw unusable(ctx, 'The body did not arrive in time')
      if (read.done) return Buffer.concat(chunks)
      size += read.value.length
      if (size > BODY_BYTES_MAX) throw tooLarge(ctx)
      chunks.push(read.value)
    }
  } finally {
    late.abort()
  }
}

function requireJson(ctx: ApiContext): void {
  const type = ctx.req.header('content-type') ?? ''
  const encoding = ctx.req.header('content-encoding') ?? 'identity'
  if (!/^application\/json *(?:; *charset="?utf-8"?)? *$/i.test(type)) {
    throw unusable(ctx, 'Content-Type must be application/json')
  }
  if (encoding.toLowerCase() !== 'identity')
    throw unusable(ctx, 'Content-Encoding is not supported')
}

/** The rest of such a body is not worth reading: the connection ends with the answer. */
function tooLarge(ctx: ApiContext): DomainError {
  ctx.header('Connection', 'close')
  return new DomainError(
    'payload_too_large',
    `The body is larger than ${BODY_BYTES_MAX / 1024} KiB.`,
  )
}

function unusable(ctx: ApiContext, message: string): DomainError {
  ctx.header('Connection', 'close')
  return new DomainError('invalid_body', `${message}.`, { fields: [{ field: 'body', message }] })
}
