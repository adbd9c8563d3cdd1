import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  FINANCE,
  openSession,
  sealSession,
  SESSION_SECONDS,
  sessionCookie,
} from '../../api/pages/session.ts'
import { hashApiKey, revokeApiKey } from '../../db/api-keys.ts'
import { newId } from '../../new-id.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../factories.ts'
import { openBrowser, signIn } from './browser.ts'

let api: ServedApi
let account: TestAccount

beforeAll(async () => {
  api = await serveApi('finance-sign-in')
  account = await makeAccount(api.database)
})
afterAll(() => api.stop())

describe('signing in to the finance pages', () => {
  test('sends whoever is not signed in to the form, and back to where they wanted to go', async () => {
    const browser = openBrowser(api.url)
    const wanted = '/finance/invoices?month=2026-11&status=open'
    const away = await browser.get(wanted)
    expect(away.status).toBe(303)
    const form = await browser.get(away.headers.get('location') ?? '')
    expect(form.status).toBe(200)
    expect(form.text).toContain(`name="to" value="${wanted.replaceAll('&', '&amp;')}"`)
    const back = await browser.submit('/finance/sign-in', { key: account.key, to: wanted })
    expect(back.status).toBe(303)
    expect(back.headers.get('location')).toBe(wanted)
    expect((await browser.get(wanted)).status).toBe(200)
  })

  test('keeps the session where scripts and other sites cannot use it, for a working day', async () => {
    const page = await openBrowser(api.url).submit('/finance/sign-in', { key: account.key })
    const cookie = page.headers.get('set-cookie') ?? ''
    const [, ...attributes] = cookie.split('; ')
    expect(attributes).toEqual(
      expect.arrayContaining(['HttpOnly', 'SameSite=Strict', 'Path=/finance', 'Max-Age=28800']),
    )
    expect(cookie).not.toContain(account.key)
    expect(cookie).not.toContain(account.key.slice(5, 20))
  })

  test.each([
    ['text that is no key', () => Promise.resolve('test_nonsense')],
    ['a key that nobody has', () => Promise.resolve(`${account.key.slice(0, -1)}_`)],
    ['a key without the scope', () => makeKey(api.database, account, { scopes: ['orders:read'] })],
    [
      'a key of one customer',
      async () => {
        const customerId = await makeCustomer(api.database, account.accountId)
        return makeKey(api.database, account, { customerId })
      },
    ],
    ['a key that is over', () => makeKey(api.database, account, { expiresAt: new Date(0) })],
  ])('refuses %s', async (_, makeBadKey) => {
    const browser = openBrowser(api.url)
    const page = await browser.submit('/finance/sign-in', { key: await makeBadKey() })
    expect(page.status).toBe(401)
    expect(page.text).toContain('role="alert"')
    expect(page.headers.get('set-cookie')).toBeNull()
    expect((await browser.get('/finance')).status).toBe(303)
  })

  test('ends with the key: a revoked one opens nothing any more', async () => {
    const id = newId('apiKey')
    const browser = await signIn(api.url, await makeKey(api.database, account, { id }))
    expect((await browser.get('/finance')).status).toBe(200)
    await revokeApiKey(api.database.db, account.accountId, id)
    expect((await browser.get('/finance')).status).toBe(303)
  })

  test('ends with signing out', async () => {
    const browser = await signIn(api.url, account.key)
    const page = await browser.submit('/finance/sign-out', {})
    expect(page.status).toBe(303)
    expect(browser.cookie).toBeNull()
    expect((await browser.get('/finance')).status).toBe(303)
  })

  test.each([
    [{ Origin: 'https://elsewhere.example' }],
    [{ Origin: 'null' }],
    [{ 'Sec-Fetch-Site': 'cross-site' }],
  ])('refuses a form of another site: %o', async (headers) => {
    const browser = openBrowser(api.url)
    const page = await browser.submit('/finance/sign-in', { key: account.key }, headers)
    expect(page.status).toBe(400)
    expect(page.headers.get('set-cookie')).toBeNull()
  })

  test.each(['//elsewhere.example', 'https://elsewhere.example/finance', '/finance.evil', '/v2'])(
    'leads nowhere but to a finance page: %s',
    async (to) => {
      const page = await openBrowser(api.url).submit('/finance/sign-in', { key: account.key, to })
      expect(page.headers.get('location')).toBe('/finance')
    },
  )

  test('refuses a form that is larger than it can be', async () => {
    const page = await openBrowser(api.url).submit('/finance/sign-in', { key: 'x'.repeat(5_000) })
    expect(page.status).toBe(413)
  })
})

describe('the session', () => {
  const signingKey = randomBytes(32)
  const hash = hashApiKey('test_key')
  const nowSeconds = 1_800_000_000
  const sealed = sealSession(FINANCE, signingKey, hash, nowSeconds)

  test('opens until its end and not a second longer', () => {
    expect(openSession(FINANCE, signingKey, sealed, nowSeconds + SESSION_SECONDS - 1)).toEqual(hash)
    expect(openSession(FINANCE, signingKey, sealed, nowSeconds + SESSION_SECONDS)).toBeNull()
  })

  test('does not open with another end, another key or another signature', () => {
    const [body = '', end = '', signature = ''] = sealed.split('.')
    const later = `${body}.${Number(end) + 60}.${signature}`
    const other = `${hashApiKey('test_other').toString('base64url')}.${end}.${signature}`
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    for (const cookie of [
      later,
      other,
      `${body}.${end}.${flipped}`,
      `${body}.${end}`,
      '',
      undefined,
    ]) {
      expect(openSession(FINANCE, signingKey, cookie, nowSeconds)).toBeNull()
    }
    expect(openSession(FINANCE, randomBytes(32), sealed, nowSeconds)).toBeNull()
  })

  test('is looked at as a whole: a forged cookie leads to the form', async () => {
    const browser = openBrowser(api.url)
    browser.cookie = `${sessionCookie(FINANCE)}=${sealed}`
    expect((await browser.get('/finance')).status).toBe(303)
  })
})
