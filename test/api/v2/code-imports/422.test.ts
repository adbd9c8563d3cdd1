import { afterAll, beforeAll, expect, test } from 'vitest'
import { CODE_COLUMNS } from '../../../../domain/code-import.ts'
import { makeProduct } from '../../../factories.ts'
import { openImportShop, type ImportShop } from './shop.ts'

let shop: ImportShop
beforeAll(async () => {
  shop = await openImportShop('code_imports_422')
})
afterAll(() => shop.stop())

/** Nothing of a refused file may be there afterwards. Answers what was wrong, by line. */
async function refused(body: string, type = 'text/csv'): Promise<Record<string, string>> {
  const before = await shop.count()
  const answer = await shop.send(body, { type })
  expect(answer).toMatchObject({ status: 422, body: { error: { reason: 'invalid_fields' } } })
  expect(await shop.count()).toBe(before)
  const details = answer.body.error?.details ?? []
  return Object.fromEntries(details.map(({ field, message }) => [field, message]))
}

test('one bad line keeps the whole file out, and every bad line is named', async () => {
  const other = await makeProduct(shop.database, shop.account.accountId)
  const wrong = await refused(
    [
      'sku,code,expires_at',
      ',GOOD-1,',
      ',,',
      `${other.sku},GOOD-2,`,
      'NO-SUCH-SKU,GOOD-3,',
      ',GOOD-4,yesterday',
      ',GOOD-5,2001-01-01',
      ',GOOD-1,',
    ].join('\n'),
  )
  expect(wrong).toEqual({
    'line 3': 'code and url are both empty',
    'line 4': 'the sku is of another product',
    'line 5': 'no product and no variant has this sku',
    'line 6': 'expires_at is neither a date (2027-12-31) nor an RFC 3339 instant',
    'line 7': 'has expired already',
    'line 8': 'the same code stands on line 2',
  })
})

test('a code that is stored already is named by its line, in any account of the mode', async () => {
  expect((await shop.send('code\nSTORED-1\nSTORED-2\n')).status).toBe(201)
  expect(await refused('code\nFRESH-1\nSTORED-2\n')).toEqual({
    'line 3': 'this code is stored already',
  })
})

test('of lines that are no JSON objects of texts none is imported', async () => {
  const lines = ['{"code":"J-1"}', 'nonsense', '[1]', '{"code":7}', '{"kode":"x"}', '{"pin":"1"}']
  expect(await refused(lines.join('\n'), 'application/jsonl')).toEqual({
    'line 2': 'is not JSON',
    'line 3': 'is not a JSON object',
    'line 4': 'code is not a text',
    'line 5': `has a field that is none of ${CODE_COLUMNS.join(', ')}`,
    'line 6': 'code and url are both empty',
  })
})

test.each([
  ['nothing', ''],
  ['no header', '\n\n'],
  ['a column of its own', 'code,colour\nX-1,red\n'],
])('refuses a file with %s', async (_what, body) => {
  expect(Object.keys(await refused(body)).length).toBeLessThanOrEqual(1)
})

test('a file that is wrong everywhere is told the first lines and the count', async () => {
  const answer = await shop.send(`code,expires_at\n${',x\n'.repeat(500)}`)
  expect(answer.body.error?.message).toBe('500 lines cannot be imported; nothing was.')
  expect(answer.body.error?.details.length).toBeLessThanOrEqual(100)
})
