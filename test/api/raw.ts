import { connect } from 'node:net'

/** Sends bytes as they are and reads until the other side hangs up. */
export async function sendRaw(
  port: number,
  pieces: readonly (string | Uint8Array)[],
  options: { withinMs?: number } = {},
): Promise<{ status: number; text: string; tookMs: number }> {
  const startedAt = performance.now()
  const socket = connect({ port, host: '127.0.0.1' })
  const chunks: Buffer[] = []
  const ended = new Promise<void>((resolve) => {
    const late = setTimeout(() => socket.destroy(), options.withinMs ?? 5_000)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // A server may hang up on what it refuses while we still write: the answer is what counts.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(late)
      resolve()
    })
  })
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  for (const piece of pieces) {
    if (socket.destroyed) break
    socket.write(piece)
  }
  await ended
  const text = Buffer.concat(chunks).toString()
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
    text,
    tookMs: performance.now() - startedAt,
  }
}
