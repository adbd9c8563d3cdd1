import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCOPES } from '../../../../domain/scope.ts'
import { makeAccount, makeCustomer, makeKey, makeProduct } from '../../../factories.ts'
import { openImportShop, type ImportShop } from './shop.ts'

let shop: ImportShop
beforeAll(async () => {
  shop = await openImportShop('code_imports_refused')
})
afterAll(() => shop.stop())

const FILE = 'code\nNEVER-1\n'

test('400: another content type, and a body without one', async () => {
  for (const type of ['application/json', 'text/plain', 'multipart/form-data']) {
    const answer = await shop.send(FILE, { type })
    expect(answer).toMatchObject({ status: 400, body: { error: { reason: 'invalid_body' } } })
  }
})

test('403: a key without codes:write, and a key of one customer', async () => {
  const scopes = SCOPES.filter((scope) => scope !== 'codes:write')
  const reader = await makeKey(shop.database, shop.account, { scopes })
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const bound = await makeKey(shop.database, shop.account, { customerId })
  for (const key of [reader, bound]) {
    expect(await shop.send(FILE, { key })).toMatchObject({ status: 403 })
  }
})

test("404: another account's product, and none", async () => {
  const other = await makeAccount(shop.database)
  const theirs = await makeProduct(shop.database, other.accountId)
  for (const id of [theirs.id, 'prod_0199c0de5a000123456789abcd', 'x']) {
    expect(await shop.send(FILE, { id })).toMatchObject({ status: 404 })
  }
})

test('413: a file of more than 4 MiB, announced or not', async () => {
  const answer = await shop.send(Buffer.alloc(4 * 1024 * 1024 + 1, 'x'))
  expect(answer).toMatchObject({ status: 413, body: { error: { reason: 'payload_too_large' } } })
})

test('none of them left a code', async () => {
  expect(await shop.count()).toBe(0)
})
