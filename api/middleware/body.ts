import { DomainError } from '../../domain/error.ts'
import { addHeader } from '../answer-headers.ts'
import type { ApiContext } from '../context.ts'
import { parseJson } from '../json.ts'
import type { RequestFile } from '../route.ts'

export const BODY_BYTES_MAX = 256 * 1024 // design 3.1: a thousand lines fit into half of it
const BODY_MS_MAX = 10_000 // a phone on a bad line manages 256 KiB; a slow loris does not

/**
 * The JSON body of a request, or undefined when there is none.
 *
 * @throws DomainError `payload_too_large` (413), or `invalid_body` (400) for another content type,
 *   an encoding, a body that does not arrive in time, and text that is not strict JSON
 */
export async function readBody(ctx: ApiContext, bytesMax = BODY_BYTES_MAX): Promise<unknown> {
  const declared = Number(ctx.req.header('content-length') ?? Number.NaN)
  if (declared > bytesMax) throw tooLarge(ctx, bytesMax)
  const isChunked = ctx.req.header('transfer-encoding') !== undefined
  if (!isChunked && declared === 0) return undefined
  const bytes = await readBytes(ctx, bytesMax)
  if (bytes.length === 0) return undefined
  requireJson(ctx)
  return parseJson(bytes)
}

/**
 * The body of a route that takes a file.
 *
 * @throws DomainError `payload_too_large` (413), or `invalid_body` (400) for another content type
 *   and for a body that does not arrive in time
 */
export async function readFile(
  ctx: ApiContext,
  { media, bytesMax }: { media: readonly string[]; bytesMax: number },
): Promise<RequestFile> {
  const declared = Number(ctx.req.header('content-length') ?? Number.NaN)
  if (declared > bytesMax) throw tooLarge(ctx, bytesMax)
  const bytes = ctx.req.raw.body === null ? new Uint8Array() : await readBytes(ctx, bytesMax)
  const type = (ctx.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (bytes.length > 0 && !media.includes(type)) {
    throw unusable(ctx, `Content-Type must be ${media.join(' or ')}`)
  }
  return { bytes, media: type }
}

/** The bytes of a body as they came. Throws as `readBody` does for one that is too large or late. */
export async function readBytes(ctx: ApiContext, bytesMax = BODY_BYTES_MAX): Promise<Uint8Array> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), BODY_MS_MAX).unref()
  try {
    return await (hasKnownSize(ctx, bytesMax)
      ? readWhole(ctx, late.promise)
      : readPieces(ctx, late.promise, bytesMax))
  } finally {
    clearTimeout(timer)
  }
}

/** Whether Node has checked that the body is no larger than it says, and that is not too large. */
function hasKnownSize(ctx: ApiContext, bytesMax: number): boolean {
  const declared = Number(ctx.req.header('content-length') ?? Number.NaN)
  return declared <= bytesMax && ctx.req.header('transfer-encoding') === undefined
}

/** Without the streams of the web, which cost more than all else about a small body. */
async function readWhole(ctx: ApiContext, late: Promise<'late'>): Promise<Uint8Array> {
  const whole = ctx.req.raw.arrayBuffer()
  whole.catch(() => undefined) // when it was late, nobody hears how it ends
  const read = await Promise.race([whole, late])
  if (read === 'late') throw tooSlow(ctx)
  return new Uint8Array(read)
}

async function readPieces(
  ctx: ApiContext,
  late: Promise<'late'>,
  bytesMax: number,
): Promise<Uint8Array> {
  const body: ReadableStream<Uint8Array> | null = ctx.req.raw.body
  const reader = body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const read = await Promise.race([reader.read(), late])
    if (read === 'late') throw tooSlow(ctx)
    if (read.done) return Buffer.concat(chunks)
    size += read.value.length
    if (size > bytesMax) throw tooLarge(ctx, bytesMax)
    chunks.push(read.value)
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
function tooLarge(ctx: ApiContext, bytesMax: number): DomainError {
  addHeader(ctx, 'Connection', 'close')
  return new DomainError('payload_too_large', `The body is larger than ${bytesMax / 1024} KiB.`)
}

function tooSlow(ctx: ApiContext): DomainError {
  return unusable(ctx, 'The body did not arrive in time')
}

function unusable(ctx: ApiContext, message: string): DomainError {
  addHeader(ctx, 'Connection', 'close')
  return new DomainError('invalid_body', `${message}.`, { fields: [{ field: 'body', message }] })
}
