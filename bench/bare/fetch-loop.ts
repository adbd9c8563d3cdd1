import { createServer } from 'node:http'

/**
 * The program to beat in D1: `fetch` in a loop, so many at a time. No signature, no record, no second
 * try; what fails is counted and forgotten. Settings: PORT, TARGET (a receiver's URL), LANES.
 *
 *   POST /run?count=N  sends N bodies, every twentieth to /bare/fails; answers how many of each status
 */

const target = process.env['TARGET']
const lanes = Number(process.env['LANES'])
const body = JSON.stringify({ type: 'product.created', data: { object: { name: 'Gift card' } } })

async function post(path: string): Promise<number> {
  const answer = await fetch(`${target}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  await answer.arrayBuffer()
  return answer.status
}

async function run(count: number): Promise<Record<number, number>> {
  const seen: Record<number, number> = {}
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < count) {
      const path = begun++ % 20 === 0 ? '/bare/fails' : '/bare/well'
      // A connection that was kept since the last window may have been closed by the other side.
      const status = await post(path).catch(() => post(path))
      seen[status] = (seen[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return seen
}

createServer((request, response) => {
  const count = Number(new URL(request.url ?? '/', 'http://bare').searchParams.get('count'))
  run(count).then(
    (seen) => response.end(JSON.stringify(seen)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
}).listen(Number(process.env['PORT']), '127.0.0.1', () => {
  console.log('{"msg":"ready"}')
})
process.once('disconnect', () => process.exit(0))
