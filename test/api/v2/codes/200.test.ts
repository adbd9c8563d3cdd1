import { afterAll, beforeAll, expect, test } from 'vitest'
import { requestCancelRemaining } from '../../../../db/fulfillment.ts'
import { inTransaction } from '../../../../db/client.ts'
import { newId } from '../../../../new-id.ts'
import { openKeys } from '../../../../cli/open-keys.ts'
import { blindIndex, openKey } from '../../../../secrets/vault.ts'
import { importCodes, makeKey, makeProduct } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('codes_200')
})
afterAll(() => shop.stop())

type CodeList = OrderBody & {
  codes: { unit_id: string; position: number; state: string; reason: string; code: string | null }[]
}

/** Orders a product of its own, so that nobody else takes its codes. */
async function order(quantity: number): Promise<{ id: string; productId: string; sku: string }> {
  const product = await makeProduct(shop.database, shop.account.accountId)
  const body = { customer_id: shop.customerId, items: [{ sku: product.sku, quantity }] }
  const { id } = (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
  return { id, productId: product.id, sku: product.sku }
}

async function stock(productId: string, texts: string[]): Promise<void> {
  await importCodes(shop.database, shop.config.keys, shop.account, { productId }, texts)
}

async function revealsOf(transactionId: string) {
  const { rows } = await shop.database.pool.query<{
    key_id: string
    address: string
    request_id: string
    code_ids: string[]
  }>(
    `select key_id, address, request_id, code_ids from code_reveals where transaction_id = $1 order by id`,
    [transactionId],
  )
  return rows
}

test('what is there is shown, the rest is processing, and every later answer repeats it', async () => {
  const { id, productId } = await order(3)
  const path = `/v2/transactions/${id}/codes`
  const empty = await shop.owner.get<CodeList>(path)
  expect(empty.body).toMatchObject({
    object: 'code_list',
    transaction_id: id,
    status: 'processing',
    final: false,
    requested: 3,
    delivered: 0,
    remaining: 3,
  })
  expect(empty.body.codes.map(({ state, reason }) => [state, reason])).toEqual(
    [1, 2, 3].map(() => ['processing', 'queued']),
  )
  expect(Number(empty.headers.get('retry-after'))).toBeGreaterThan(0)

  await stock(productId, ['007', 'SECOND'])
  await shop.fulfill(id)
  const partial = await shop.owner.get<CodeList>(path)
  expect(partial.body).toMatchObject({
    status: 'partial',
    final: false,
    delivered: 2,
    remaining: 1,
  })
  expect(new Set(partial.body.codes.map(({ code }) => code))).toEqual(
    new Set(['007', 'SECOND', null]),
  )

  await stock(productId, ['THIRD'])
  await shop.fulfill(id)
  const whole = await shop.owner.get<CodeList>(path)
  expect(whole.body).toMatchObject({ status: 'complete', final: true, delivered: 3, remaining: 0 })
  expect(whole.headers.get('retry-after')).toBeNull()
  expect(whole.body.codes.slice(0, 2)).toEqual(partial.body.codes.slice(0, 2))
  expect(whole.body.codes.map(({ position }) => position)).toEqual([1, 2, 3])
  expect(await shop.owner.get<CodeList>(path)).toMatchObject({ body: whole.body })
})

test('both names lead to the same list', async () => {
  const { id } = await order(1)
  const ord = id.replace('txn_', 'ord_')
  const lists = []
  for (const path of [
    `transactions/${id}`,
    `transactions/${ord}`,
    `orders/${ord}`,
    `orders/${id}`,
  ]) {
    lists.push((await shop.owner.get<CodeList>(`/v2/${path}/codes`)).body)
  }
  expect(new Set(lists.map((list) => JSON.stringify(list))).size).toBe(1)
})

test('every kind of code is printed in its fields, without an expiry as null', async () => {
  const { id, productId } = await order(3)
  const secrets = [
    { code: 'A-1', pin: '0042', serial: 'S/1', url: null },
    { code: 'B-2', pin: null, serial: null, url: null },
    { code: null, pin: null, serial: null, url: 'https://redeem.example/x' },
  ]
  const types = ['code_pin', 'code', 'url']
  const { ring, blindIndex: indexKey } = openKeys(shop.database, shop.config)
  const keys = await ring.forSealing(shop.account.accountId)
  for (const [index, secret] of secrets.entries()) {
    const codeId = newId('code')
    const { sealed, keyVersion } = keys.seal(codeId, JSON.stringify(secret))
    await shop.database.pool.query(
      `insert into codes (id, account_id, product_id, type, sealed, key_version, blind_index, last4,
         expires_at) values ($1, $2, $3, $4, $5, $6, $7, '', $8)`,
      [
        codeId,
        shop.account.accountId,
        productId,
        types[index],
        sealed,
        keyVersion,
        blindIndex(openKey(indexKey), 'test', secret),
        index === 0 ? '2030-01-31T00:00:00Z' : null,
      ],
    )
  }
  await shop.fulfill(id)
  const { body } = await shop.owner.get<CodeList>(`/v2/transactions/${id}/codes`)
  const printed = body.codes.toSorted((a, b) => types.indexOf(typeOf(a)) - types.indexOf(typeOf(b)))
  expect(printed).toMatchObject([
    { ...secrets[0], type: 'code_pin', expires_at: '2030-01-31T00:00:00.000Z' },
    { ...secrets[1], type: 'code', expires_at: null },
    { ...secrets[2], type: 'url', expires_at: null },
  ])
})

const typeOf = (code: object): string => ('type' in code ? String(code.type) : '')

test('what was given up is counted and says why', async () => {
  const { id, productId } = await order(2)
  await stock(productId, ['ONLY'])
  const { accountId } = shop.account
  await shop.fulfill(id)
  await inTransaction(shop.database.db, (tx) =>
    requestCancelRemaining(tx, { accountId, transactionId: id }),
  )
  await shop.fulfill(id)
  const { body } = await shop.owner.get<CodeList>(`/v2/transactions/${id}/codes`)
  expect(body).toMatchObject({
    status: 'complete',
    final: true,
    requested: 2,
    delivered: 1,
    cancelled: 1,
    remaining: 0,
  })
  expect(body.codes[1]).toMatchObject({
    state: 'cancelled',
    reason: 'cancelled_by_request',
    code: null,
  })
})

test('every answer with codes leaves a row that says who saw which', async () => {
  const { id, productId } = await order(2)
  const path = `/v2/transactions/${id}/codes`
  await shop.owner.get(path)
  expect(await revealsOf(id)).toEqual([])
  await stock(productId, ['AUDIT-1', 'AUDIT-2'])
  await shop.fulfill(id)
  const keyId = newId('apiKey')
  const key = await makeKey(shop.database, shop.account, { id: keyId, scopes: ['codes:read'] })
  const answer = await shop.client(key).get<CodeList>(path)
  const rows = await revealsOf(id)
  expect(rows).toMatchObject([
    { key_id: keyId, address: '127.0.0.1', request_id: answer.headers.get('x-request-id') },
  ])
  const { rows: given } = await shop.database.pool.query<{ id: string }>(
    `select c.id from codes c join units u on u.id = c.unit_id where u.transaction_id = $1
     order by u.position`,
    [id],
  )
  expect(rows[0]?.code_ids).toEqual(given.map((row) => row.id))
  const headers = { 'If-None-Match': String(answer.headers.get('etag')) }
  expect((await shop.client(key).get(path, { headers })).status).toBe(304)
  expect(await revealsOf(id)).toHaveLength(1)
  await shop.client(key).get(path)
  expect(await revealsOf(id)).toHaveLength(2)
})

test('an answer with codes is never stored on its way', async () => {
  const { id } = await order(1)
  const answer = await shop.owner.get(`/v2/transactions/${id}/codes`)
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

test('a code that does not open is not shown, and its text is in no answer', async () => {
  const { id, productId } = await order(1)
  await stock(productId, ['DAMAGED-SECRET'])
  await shop.fulfill(id)
  await shop.database.pool.query(
    `update codes set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where product_id = $1`,
    [productId],
  )
  const answer = await shop.owner.get(`/v2/transactions/${id}/codes`)
  expect(answer.status).toBe(500)
  expect(JSON.stringify(answer.body)).not.toContain('DAMAGED')
  expect(await revealsOf(id)).toEqual([])
})
