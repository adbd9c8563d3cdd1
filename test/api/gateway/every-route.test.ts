import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROUTES } from '../../../api/routes.ts'
import { makeAccount, makeKey } from '../../factories.ts'
import { serveApi, type ServedApi } from '../serve.ts'

/** Every route that needs a key counts its request and says so, whatever it answers. */

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('every_route')
})
afterAll(() => api.stop())

const ID = '0199c0de5a000123456789abcd'
const keyed = ROUTES.filter((route) => route.access !== 'public')
const pathOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, `none_${ID}`)

test('all of them are known here', () => {
  expect(keyed.length).toBeGreaterThan(60)
  for (const { method, rateClass, path } of keyed) {
    expect([path, rateClass]).toEqual([path, method === 'get' ? 'read' : 'write'])
  }
})

const AT_ONCE = 8 // so that the whole takes seconds, and the gate lets everybody in
const batches = Array.from({ length: Math.ceil(keyed.length / AT_ONCE) }, (_, n) =>
  keyed.slice(n * AT_ONCE, (n + 1) * AT_ONCE),
)

test.each(batches.map((batch) => [batch.map((route) => route.operationId).join(', '), batch]))(
  'the headers of the limits, and 429 above them: %s',
  async (_, batch) => {
    await Promise.all([...batch].map(exceed))
  },
)

/** One request passes, one more is held until the second is over, and the others find it full. */
async function exceed({ method, path, rateClass }: (typeof keyed)[number]): Promise<void> {
  const account = await makeAccount(api.database, { plan: 'enterprise' })
  const key = await makeKey(api.database, account, { requestsPerSecond: 1 })
  const ask = () =>
    fetch(`${api.url}${pathOf(path)}`, {
      method: method.toUpperCase(),
      headers: { Authorization: `Bearer ${key}` },
    })
  const answers = await Promise.all(Array.from({ length: 6 }, ask))
  for (const { status, headers } of answers) {
    expect(status, path).toBeLessThan(500)
    expect(headers.get('x-ratelimit-limit')).toMatch(/^\d+$/)
    expect(headers.get('x-ratelimit-remaining')).toMatch(/^\d+$/)
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(1_700_000_000)
    expect(headers.get('ratelimit-policy')).toContain(`"${rateClass}";q=`)
    expect(headers.get('ratelimit')).toContain(`"${rateClass}";r=`)
  }
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length, path).toBeGreaterThan(0)
  for (const { headers } of refused) expect(headers.get('retry-after')).toMatch(/^\d+$/)
  for (const answer of answers) await answer.arrayBuffer()
}
