import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { makeAccount, type TestAccount } from '../factories.ts'
import { signIn } from './browser.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('finance-provider')
})
afterAll(() => api.stop())

const read = async ({ key }: TestAccount) => {
  const { text } = await (await signIn(api.url, key)).get('/finance/provider')
  return text
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00a0]+/g, ' ')
}

test('what the provider owes, what differs from it and which days were compared', async () => {
  const account = await makeAccount(api.database)
  const { accountId } = account
  await api.database.pool.query(
    `select post_journal($1, null, 'USD', 'payment_captured', 'pi_a', '{"amount": 19999}', now()),
       post_journal($1, null, 'USD', 'psp_fee_charged', 'pi_a', '{"amount": 610}', now())`,
    [accountId],
  )
  await api.database.pool.query(
    `insert into payment_differences (id, account_id, reconciliation_id, kind, about, subject,
       currency, ours_minor, theirs_minor, ours, theirs, last_seen_run)
     select new_id('pdf'), $1, request_reconciliation($1, '2026-11-21'), 'amount_mismatch',
       'payment', 'pi_theirs<b>', 'USD', 1900, 2000, 'succeeded', 'succeeded', 1`,
    [accountId],
  )
  const text = await read(account)
  expect(text).toContain('USD 199.99 USD -6.10 USD 0.00 USD 0.00 USD 0.00 USD 193.89 USD')
  expect(text).toContain('Another amount payment 19.00 USD succeeded 20.00 USD succeeded')
  expect(text).toContain('pi_theirs&lt;b&gt;')
  expect(text).toContain('being compared')
  expect(text).toContain('psp fee charged pi_a -6.10 USD 193.89 USD')
})

test('long lists are paged, each by itself, and come whole as files', async () => {
  const account = await makeAccount(api.database)
  await api.database.pool.query(
    `select post_journal($1, null, 'USD', 'payment_captured', 'pi_' || n, '{"amount": 100}',
       now() + n * interval '1 second') from generate_series(1, 51) n`,
    [account.accountId],
  )
  const browser = await signIn(api.url, account.key)
  const first = (await browser.get('/finance/provider')).text
  expect(first).toContain('href="/finance/provider?lines_USD=2"')
  expect(first).not.toContain('>pi_1 ')
  const second = (await browser.get('/finance/provider?lines_USD=2')).text
  expect(second).toMatch(/>pi_1<[\s\S]*1\.00\u00a0USD/)
  const file = (await browser.get('/finance/exports/clearing.csv?currency=USD')).text
  expect(file.split('\r\n')).toHaveLength(53)
  expect(file).toMatch(/payment_captured,pi_51,1\.00,51\.00,USD/)
})

test('an account without payments is told so, and sees nobody else’s', async () => {
  const text = await read(await makeAccount(api.database))
  expect(text).toContain('No payment has been captured yet.')
  expect(text).toContain('Our books and the provider agree.')
  expect(text).not.toContain('pi_theirs')
})
