import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openDisputeShop, PAPER } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_413')
})
afterAll(() => api.stop())

test('a file of 5 MiB fits, a body beyond that does not', async () => {
  const { client, path } = await openDisputeShop(api)
  const of = (bytes: number) => ({
    files: [{ ...PAPER, content: Buffer.alloc(bytes, 'x').toString('base64') }],
  })
  const tooLarge = await client.post(`${path}/respond`, of(6 * 1024 * 1024))
  expect(tooLarge).toMatchObject({ status: 413, body: { error: { reason: 'payload_too_large' } } })
  const fits = await client.post(`${path}/respond`, of(5 * 1024 * 1024))
  expect(fits).toMatchObject({ status: 201, body: { files: [{ size_bytes: 5 * 1024 * 1024 }] } })
})
