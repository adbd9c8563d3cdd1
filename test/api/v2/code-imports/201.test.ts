import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCustomer, makeVariant } from '../../../factories.ts'
import { openImportShop, type ImportShop } from './shop.ts'

let shop: ImportShop
beforeAll(async () => {
  shop = await openImportShop('code_imports_201')
})
afterAll(() => shop.stop())

/** An order of one, with the codes that the pool gives it. */
async function buy(sku: string) {
  const client = shop.client(shop.account.key)
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const { body } = await client.post<{ id: string }>('/v2/transactions', {
    customer_id: customerId,
    items: [{ sku, quantity: 1 }],
  })
  const fulfil = () =>
    shop.database.pool.query('select fulfill_transaction($1, $2)', [
      shop.account.accountId,
      body.id,
    ])
  const read = async () => {
    await fulfil()
    const answer = await client.get<{ codes: Record<string, unknown>[] }>(
      `/v2/transactions/${body.id}/codes`,
    )
    return answer.body.codes[0]
  }
  await fulfil()
  return read
}

test('a CSV file fills the pool and wakes who waits; what is delivered is what was sent', async () => {
  const read = await buy(shop.product.sku)
  const before = await shop.count()
  const answer = await shop.send(
    `code,pin,serial,expires_at\n0012-3456,0042,S-1,2099-12-31\n0012-3457,,,\n`,
  )
  expect(answer).toMatchObject({
    status: 201,
    body: { object: 'code_import', product_id: shop.product.id, imported: 2, woken_orders: 1 },
  })
  expect(await shop.count()).toBe(before + 2)
  const { type, code, pin } = (await read()) ?? {}
  // Which of an import's codes goes first is nobody's promise.
  expect([
    { type: 'code_pin', code: '0012-3456', pin: '0042' },
    { type: 'code', code: '0012-3457', pin: null },
  ]).toContainEqual({ type, code, pin })
})

test.each(['application/jsonl', 'application/x-ndjson; charset=utf-8'])(
  'JSON lines as %s, for the product and for its variant',
  async (type) => {
    const url = `https://redeem.example/${encodeURIComponent(type)}`
    const lines = [{ code: `J-${type}` }, { sku: shop.variant.sku, url, expires_at: null }]
    const answer = await shop.send(lines.map((line) => JSON.stringify(line)).join('\n'), { type })
    expect(answer).toMatchObject({ status: 201, body: { imported: 2 } })
    const read = await buy(shop.variant.sku)
    expect(await read()).toMatchObject({ type: 'url', code: null, url })
  },
)

test('what is said beside a code reaches its buyer as texts', async () => {
  const details = {
    serial: '000123',
    expires_at: '2099-12-31T00:00:00+01:00',
    activation_at: '2026-12-24',
    face_value: '1,000 points',
    redeem_instructions: 'Open the app.\nEnter the code.',
  }
  const { sku } = await makeVariant(shop.database, shop.account.accountId, shop.product.id)
  const line = { sku, code: '0099-DETAILS', ...details }
  expect(await shop.send(JSON.stringify(line), { type: 'application/jsonl' })).toMatchObject({
    status: 201,
  })
  const read = await buy(sku)
  expect(await read()).toMatchObject({
    ...details,
    code: '0099-DETAILS',
    expires_at: '2099-12-30T23:00:00.000Z',
    activation_at: '2026-12-24T00:00:00.000Z',
  })
  const { rows } = await shop.database.pool.query<{ row: string }>(
    `select codes::text as row from codes where face_value = '1,000 points'`,
  )
  expect(rows[0]?.row).not.toContain('Enter the code')
})

test('codes do not stand in the database or in any answer', async () => {
  const answer = await shop.send('code\nPLAIN-CANARY-1\n')
  expect(JSON.stringify(answer.body)).not.toContain('PLAIN-CANARY-1')
  const again = await shop.send('code\nPLAIN-CANARY-1\n')
  expect(JSON.stringify(again.body)).not.toContain('PLAIN-CANARY-1')
  const { rows } = await shop.database.pool.query<{ row: string }>(
    `select encode(sealed, 'escape') || to_jsonb(c)::text as row from codes c`,
  )
  expect(rows.map(({ row }) => row).join('\n')).not.toContain('PLAIN-CANARY-1')
})

test('the answer 201 leaves a command for each order that waits, and none for others', async () => {
  await shop.send('code\nFOR-NOBODY-1\n')
  const answer = await shop.send('code\nFOR-NOBODY-2\n')
  expect(answer.body.woken_orders).toBe(0)
})
