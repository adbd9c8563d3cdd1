import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openClaimShop } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('claims_422')
})
afterAll(() => api.stop())

test('a claim has a reason of one line, and nothing else', async () => {
  const { client, pathOf } = await openClaimShop(api)
  const bodies = [{}, { reason: '' }, { reason: 'x'.repeat(501) }, { reason: 'x', refund: true }]
  for (const body of bodies) {
    expect((await client.post(pathOf('available'), body)).status).toBe(422)
  }
  expect((await client.get<{ data: unknown[] }>('/v2/claims')).body.data).toEqual([])
})
