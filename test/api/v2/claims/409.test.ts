import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openClaimShop } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('claims_409')
})
afterAll(() => api.stop())

test('a unit that has no code yet, and one that is claimed already', async () => {
  const { client, pathOf } = await openClaimShop(api)
  const refusal = { status: 409, body: { error: { reason: 'unit_not_claimable' } } }
  expect(await client.post(pathOf('processing'), { reason: 'where?' })).toMatchObject(refusal)
  await client.post(pathOf('available'), { reason: 'used' })
  const twice = await Promise.all(
    [1, 2, 3].map(() => client.post(pathOf('available'), { reason: 'used' })),
  )
  for (const answer of twice) expect(answer).toMatchObject(refusal)
  const [{ n } = { n: '0' }] = (
    await api.database.pool.query<{ n: string }>('select count(*) as n from claims')
  ).rows
  expect(Number(n)).toBe(1)
})
