import { createServer } from 'node:http'

/**
 * The cheapest program of this platform that turns everybody away in words: what a flood costs a
 * machine on which nobody works on it. Never tuned down.
 */
const body = JSON.stringify({ error: { code: 'server_error', reason: 'busy' } })
const headers = {
  'Content-Type': 'application/json',
  'Content-Length': Buffer.byteLength(body),
  'Retry-After': '1',
}
const server = createServer((_, response) => response.writeHead(503, headers).end(body))
server.listen(Number(process.env['BARE_REFUSER_PORT']), '127.0.0.1', () => {
  process.stdout.write('{"msg":"ready"}\n')
})
