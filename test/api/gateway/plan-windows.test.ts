import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  countRequest,
  countRequests,
  returnRequest,
  type RateCount,
} from '../../../db/rate-limits.ts'
import { newId } from '../../../new-id.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct, makeKey } from '../../factories.ts'
import { eventually } from '../../harness.ts'
import { serveApi, type ServedApi } from '../serve.ts'
import { secondBegins } from './second.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('plan_windows')
})
afterAll(() => api.stop())

const secondsUntil = (hours: number): number =>
  Math.ceil(hours * 3_600 - ((Date.now() / 1_000) % (hours * 3_600)))

/** An account with agreed windows; its own key may make many requests per second. */
async function makeLimited(perHour: number | null, perDay: number | null, perSecond = 1_000) {
  const account = await makeAccount(api.database, { plan: 'enterprise' })
  await api.database.db
    .updateTable('organizations')
    .set({ requests_per_hour: perHour, requests_per_day: perDay })
    .where('id', '=', account.organizationId)
    .execute()
  const key = await makeKey(api.database, account, { requestsPerSecond: perSecond })
  return { ...account, key, client: api.client(key) }
}

const get = (client: ReturnType<ServedApi['client']>) => client.get('/v2/products/none')

/**
 * The counters as if they had been left so in an hour or a day that is over. A key that was refused
 * is not asked about again before its second has ended, so that is waited for.
 */
async function moveBack(accountId: string, hours: number): Promise<void> {
  await secondBegins(api.database.pool)
  await api.database.pool.query(
    `update plan_windows set hour_start = hour_start - $2 * interval '1 hour',
       day_start = day_start - $2 * interval '1 hour' where account_id = $1`,
    [accountId, hours],
  )
}

test('the plans have the windows of the published reference', async () => {
  for (const [plan, hour, day] of [
    ['free', 100, 1_000],
    ['starter', 1_000, 10_000],
    ['professional', 5_000, 100_000],
  ] as const) {
    const account = await makeAccount(api.database, { plan })
    const { headers } = await get(api.client(account.key))
    expect(headers.get('ratelimit-policy')).toBe(
      `"read";q=10;w=1, "hour";q=${hour};w=3600, "day";q=${day};w=86400`,
    )
    expect(headers.get('ratelimit')).toMatch(
      new RegExp(
        String.raw`^"read";r=9;t=1, "hour";r=${hour - 1};t=\d+, "day";r=${day - 1};t=\d+$`,
      ),
    )
  }
})

test('the headers are those of the window with the least left', async () => {
  const { client } = await makeLimited(5, 100)
  const first = await get(client)
  expect(first.headers.get('x-ratelimit-limit')).toBe('5')
  expect(first.headers.get('x-ratelimit-remaining')).toBe('4')
  const reset = Number(first.headers.get('x-ratelimit-reset'))
  expect(reset % 3_600).toBe(0)
  expect(Math.abs(reset - Date.now() / 1_000 - secondsUntil(1))).toBeLessThan(5)
})

test('the day is hard, and says when it is over', async () => {
  const { client } = await makeLimited(null, 3)
  for (let n = 0; n < 3; n++) expect((await get(client)).status).toBe(404)
  const refused = await get(client)
  expect(refused.status).toBe(429)
  expect(refused.body['error']).toMatchObject({
    reason: 'rate_limited',
    message: 'More than 3 requests in this day.',
  })
  const after = Number(refused.headers.get('retry-after'))
  expect(Math.abs(after - secondsUntil(24))).toBeLessThan(5)
  expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
})

test('an hour gives twice as much after a quiet one, and then what it says', async () => {
  const { accountId, client } = await makeLimited(4, null)
  const served = async (): Promise<number> => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => get(client)))
    return answers.filter(({ status }) => status === 404).length
  }
  expect(await served()).toBe(8)
  await moveBack(accountId, 1)
  expect(await served()).toBe(4)
  await moveBack(accountId, 1)
  expect(await served()).toBe(8)
  await moveBack(accountId, 2)
  expect(await served()).toBe(8)
})

test('what goes beyond the hour is served late', async () => {
  // A second may be nearly over when it is asked for: half of the time it is not.
  const late = async () => {
    const { client: fresh } = await makeLimited(1, null)
    await get(fresh)
    const startedAt = performance.now()
    expect((await get(fresh)).status).toBe(404)
    return performance.now() - startedAt
  }
  const took = await eventually(late, (ms) => ms > 400)
  expect(took).toBeLessThan(3_000)
})

test('all keys of an account share its hour, no two accounts do', async () => {
  const { client, ...account } = await makeLimited(null, 4)
  const other = api.client(await makeKey(api.database, account, { requestsPerSecond: 1_000 }))
  for (const each of [client, other, client, other]) expect((await get(each)).status).toBe(404)
  expect((await get(other)).status).toBe(429)
  expect((await get((await makeLimited(null, 4)).client)).status).toBe(404)
})

test('a refused request changes nothing and counts in no hour and no day', async () => {
  const { accountId, client } = await makeLimited(null, 2)
  const made = async (sku: string) =>
    (await client.post('/v2/products', { name: 'P', price: 1, sku })).status
  expect([await made('A'), await made('B'), await made('C')]).toEqual([201, 201, 429])
  const { rows } = await api.database.pool.query<{ n: number; day_count: number }>(
    `select (select count(*)::int from products where account_id = $1) as n, day_count
     from plan_windows where account_id = $1`,
    [accountId],
  )
  expect(rows).toEqual([{ n: 2, day_count: 2 }])
})

test('polling for codes costs the second only, until something is new', async () => {
  const { client, ...account } = await makeLimited(100, 100)
  const customerId = await makeCustomer(api.database, account.accountId)
  const product = await makeProduct(api.database, account.accountId)
  const { body } = await client.post<{ id: string }>('/v2/transactions', {
    customer_id: customerId,
    items: [{ sku: product.sku, quantity: 1 }],
  })
  const path = `/v2/transactions/${body.id}/codes`
  const remaining = async (headers: Record<string, string> = {}) => {
    const answer = await client.get(path, { headers })
    return [answer.status, Number(answer.headers.get('x-ratelimit-remaining'))]
  }
  const etag = String((await client.get(path)).headers.get('etag'))
  expect(await remaining()).toEqual([200, 99])
  expect(await remaining({ 'If-None-Match': etag })).toEqual([304, 99])
  await importCodes(api.database, api.config.keys, account, { productId: product.id }, 1)
  await api.database.pool.query('select fulfill_transaction($1, $2)', [account.accountId, body.id])
  expect(await remaining()).toEqual([200, 98])
  expect(await remaining()).toEqual([200, 97])
})

/** The rule in a few lines: what the SQL function must say, whatever the order of events. */
function playPlan(perHour: number, perDay: number) {
  const at = { hour: 0, hourCount: 0, before: 0, dayCount: 0 }
  return {
    passHours(hours: number) {
      at.before = hours === 1 ? at.hourCount : 0
      at.hourCount = 0
      if (Math.floor((at.hour + hours) / 24) !== Math.floor(at.hour / 24)) at.dayCount = 0
      at.hour += hours
    },
    request(): string {
      const isFull = (): string | null => {
        if (at.dayCount >= perDay) return 'day'
        return at.hourCount >= (at.before <= perHour ? 2 : 1) * perHour ? 'hour' : null
      }
      const refusedBy = isFull()
      if (refusedBy === null) {
        at.hourCount += 1
        at.dayCount += 1
      }
      return `${refusedBy} ${at.hourCount} ${at.dayCount}`
    },
    giveBack() {
      at.hourCount -= 1
      at.dayCount -= 1
    },
  }
}

function sayCount({ refusedBy, windows }: RateCount): string {
  return [String(refusedBy), ...windows.slice(1).map(({ count }) => count)].join(' ')
}

test('hours and days follow the rule for any sequence of requests, alone or together', async () => {
  // The clock cannot be moved, so the windows are moved back instead: from hour h of a day.
  const passHours = async (accountId: string, hours: number, newDay: boolean) => {
    await api.database.pool.query(
      `update plan_windows set hour_start = hour_start - $2 * interval '1 hour',
         day_start = day_start - case when $3 then interval '1 day' else interval '0' end
       where account_id = $1`,
      [accountId, hours, newDay],
    )
  }
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ requests: fc.integer({ min: 1, max: 9 }), together: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ hours: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 2, arbitrary: fc.constant('give back' as const) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { maxLength: 12 }),
      async (perHour, perDay, steps) => {
        const { accountId } = await makeAccount(api.database)
        const model = playPlan(perHour, perDay)
        const limits = { perSecond: 10_000, perHour, perDay }
        const request = { keyId: newId('apiKey'), accountId, rateClass: 'read', limits } as const
        let hour = 0
        let last: RateCount | null = null
        const seen: string[] = []
        const expected: string[] = []
        for (const each of steps) {
          if (each === 'give back') {
            if (last === null) continue
            await returnRequest(api.database.pool, accountId, last)
            model.giveBack()
            last = null
          } else if ('hours' in each) {
            const newDay = Math.floor((hour + each.hours) / 24) !== Math.floor(hour / 24)
            await passHours(accountId, each.hours, newDay)
            model.passHours(each.hours)
            hour += each.hours
            last = null
          } else {
            const { pool } = api.database
            const counts: RateCount[] = each.together
              ? await countRequests(pool, request, each.requests)
              : []
            while (counts.length < each.requests) counts.push(await countRequest(pool, request))
            for (const counted of counts) {
              seen.push(sayCount(counted))
              expected.push(model.request())
              last = counted.refusedBy === null ? counted : null
            }
          }
        }
        expect(seen).toEqual(expected)
      },
    ),
    { numRuns: Number(process.env['BARK_RATE_RUNS'] ?? 25) },
  )
}, 60_000)
