import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Scope } from '../../domain/scope.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { makeCustomer, makeKey } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { openBrowser, type Browser, type Page } from './browser.ts'

let stack: Stack
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('dashboard')
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

/** A shop whose endpoint has failed once and waits; somebody is signed in to its dashboard. */
async function openDashboard(
  options: { scopes?: Scope[] } = {},
): Promise<{ shop: OpenShop; browser: Browser; path: string; home: string; deliveryPath: string }> {
  const shop = await openShop(stack)
  const at = `/${crypto.randomUUID()}`
  receiver.script(at, { answers: [{ status: 500, body: '<b>broken & sorry</b>' }, {}] })
  const { body: webhook } = await shop.client.post<{ id: string }>('/v2/webhooks', {
    url: `${receiver.url}${at}`,
    events: ['product.created'],
    description: 'Stock & <shop>',
  })
  await shop.client.post('/v2/products', { name: '<i>Card</i>', price: 1, sku: `D-${at}` })
  const deliveries = `/v2/webhooks/${webhook.id}/deliveries`
  const { body } = await eventually(
    () => shop.client.get<{ data: { id: string; last_status_code: number | null }[] }>(deliveries),
    (seen) => seen.body.data[0]?.last_status_code === 500,
  )
  const key =
    options.scopes === undefined
      ? shop.account.key
      : await makeKey(stack.database, shop.account, { scopes: options.scopes })
  const browser = openBrowser(stack.apiUrl)
  const signedIn = await browser.submit('/dashboard/sign-in', { key })
  expect(signedIn.headers.get('location')).toBe('/dashboard/webhooks')
  const path = `/dashboard/webhooks/${webhook.id}`
  const deliveryPath = `${path}/deliveries/${body.data[0]?.id}`
  return { shop, browser, path, home: `/v2/webhooks/${webhook.id}`, deliveryPath }
}

/** What a person reads: the text of a page without its tags, blanks as one. */
const readable = ({ text }: Page): string =>
  text
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00a0]+/g, ' ')

/** Sends the form of a page that posts to `action`, with what it would send. */
async function press(
  browser: Browser,
  page: Page,
  action: string,
  chosen: Record<string, string> = {},
): Promise<Page> {
  const [, form = ''] = page.text.split(`action="${action}"`)
  const [, key = ''] = /name="key" value="([^"]+)"/.exec(form) ?? []
  return browser.submit(action, { key, ...chosen })
}

describe('the dashboard of webhooks', () => {
  test('shows endpoints, deliveries, attempts and bodies, all escaped', async () => {
    const { browser, path, deliveryPath } = await openDashboard()
    const list = await browser.get('/dashboard/webhooks')
    expect(readable(list)).toMatch(/Stock &amp; &lt;shop&gt; product\.created failing since .* 1 /)
    expect(list.text).toContain(`href="${path}"`)
    const webhook = await browser.get(path)
    expect(readable(webhook)).toMatch(/product\.created [\d :-]+ pending 1 of 6 HTTP 500 [\d :-]+/)
    expect(webhook.text).toContain(`href="${deliveryPath}"`)
    const delivery = readable(await browser.get(deliveryPath))
    expect(delivery).toMatch(/attempt 1 .* HTTP 500, \d+ ms/)
    expect(delivery).toContain('&lt;b&gt;broken &amp; sorry&lt;/b&gt;')
    expect(delivery).toContain('x-webhook-signature: ***')
    expect(delivery).toContain('&quot;name&quot;: &quot;&lt;i&gt;Card&lt;/i&gt;&quot;')
    for (const { headers } of [list, webhook]) {
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('filters deliveries by state and event', async () => {
    const { browser, path } = await openDashboard()
    for (const [query, seen] of [
      ['?state=pending&event=product.created', 'HTTP 500'],
      ['?state=&event=', 'HTTP 500'],
      ['?state=delivered', 'No delivery is like that.'],
      ['?event=order.created', 'No delivery is like that.'],
    ]) {
      expect(readable(await browser.get(`${path}${query}`)), query).toContain(seen)
    }
    for (const query of ['?state=lost', '?event=order.lost', '?page=0', '?done=hacked']) {
      expect((await browser.get(`${path}${query}`)).status, query).toBe(400)
    }
  })

  test('pauses and resumes an endpoint', async () => {
    const { browser, path, shop, home } = await openDashboard()
    const paused = await press(browser, await browser.get(path), `${path}/pause`)
    expect(paused).toMatchObject({ status: 303 })
    expect(paused.headers.get('location')).toBe(`${path}?done=paused`)
    const page = await browser.get(`${path}?done=paused`)
    expect(readable(page)).toContain('It is paused')
    expect(page.text).not.toContain('Pause')
    expect((await shop.client.get(home)).body).toMatchObject({ active: false })
    expect((await browser.submit(`${path}/test`, {})).status).toBe(409)
    expect((await press(browser, page, `${path}/resume`)).status).toBe(303)
    expect((await shop.client.get(home)).body).toMatchObject({ active: true })
  })

  test('sends a test and an old event again, once per form however often it is sent', async () => {
    const { browser, path, shop, home, deliveryPath } = await openDashboard()
    const causes = async () => {
      const { body } = await shop.client.get<{ data: { cause: string }[] }>(`${home}/deliveries`)
      return body.data.map(({ cause }) => cause).toSorted()
    }
    const page = await browser.get(path)
    const delivery = await browser.get(deliveryPath)
    for (let time = 0; time < 2; time++) {
      expect((await press(browser, page, `${path}/test`)).status).toBe(303)
      expect((await press(browser, delivery, `${deliveryPath}/resend`)).status).toBe(303)
    }
    expect(await causes()).toEqual(['event', 'resend', 'test'])
    await press(browser, await browser.get(deliveryPath), `${deliveryPath}/resend`)
    expect(await causes()).toEqual(['event', 'resend', 'resend', 'test'])
  })

  test('rotates the secret and shows the new one, the same for a form that is sent twice', async () => {
    const { browser, path } = await openDashboard()
    const page = await browser.get(path)
    const chosen = { overlap_seconds: '3600', sign_with: 'new' }
    const first = await press(browser, page, `${path}/rotate`, chosen)
    const second = await press(browser, page, `${path}/rotate`, chosen)
    const secrets = [first, second].map((each) => /whsec_[\w+/=]+/.exec(readable(each))?.[0])
    expect(secrets[0]).toMatch(/^whsec_.{32}$/)
    expect(secrets[1]).toBe(secrets[0])
    const wrong = { overlap_seconds: '-1', sign_with: 'new' }
    const again = await browser.get(path)
    expect((await press(browser, again, `${path}/rotate`, wrong)).status).toBe(422)
    expect(again.text).not.toContain('whsec_')
  })

  test('refuses forms of other sites, and changes nothing', async () => {
    const { browser, path, shop, home } = await openDashboard()
    const elsewhere: Record<string, string>[] = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ]
    for (const headers of elsewhere) {
      expect((await browser.submit(`${path}/pause`, {}, headers)).status).toBe(400)
    }
    expect((await shop.client.get(home)).body).toMatchObject({ active: true })
  })

  test('a key that may only look sees no button, and is refused without one', async () => {
    const { browser, path, deliveryPath, shop, home } = await openDashboard({
      scopes: ['webhooks:read'],
    })
    for (const each of [path, deliveryPath]) {
      const { text } = await browser.get(each)
      expect(text.match(/method="post"/g)).toHaveLength(1) // signing out
    }
    for (const verb of ['pause', 'test', 'rotate']) {
      const chosen = { overlap_seconds: '0', sign_with: 'old' }
      expect((await browser.submit(`${path}/${verb}`, chosen)).status, verb).toBe(403)
    }
    expect((await browser.submit(`${deliveryPath}/resend`, {})).status).toBe(403)
    expect((await shop.client.get(home)).body).toMatchObject({ active: true, version: 1 })
  })

  test('shows and changes nothing of another account', async () => {
    const { path, deliveryPath, shop, home } = await openDashboard()
    const { browser: stranger, path: own } = await openDashboard()
    const mixed = `${own}/deliveries/${deliveryPath.split('/').at(-1)}`
    for (const each of [path, deliveryPath, mixed, `${own}x`, '/dashboard/lost']) {
      expect((await stranger.get(each)).status, each).toBe(404)
    }
    for (const action of [
      `${path}/pause`,
      `${path}/test`,
      `${deliveryPath}/resend`,
      `${mixed}/resend`,
    ]) {
      expect((await stranger.submit(action, {})).status, action).toBe(404)
    }
    const list = await stranger.get('/dashboard/webhooks')
    expect(list.text).not.toContain(path)
    expect((await shop.client.get(home)).body).toMatchObject({ active: true, version: 1 })
  })

  test('is entered with a key of its own scope; a session of finance opens nothing', async () => {
    const { shop } = await openDashboard()
    const browser = openBrowser(stack.apiUrl)
    const away = await browser.get('/dashboard/webhooks?done=tested')
    expect(away.headers.get('location')).toBe(
      '/dashboard/sign-in?to=%2Fdashboard%2Fwebhooks%3Fdone%3Dtested',
    )
    const customerId = await makeCustomer(stack.database, shop.account.accountId)
    for (const options of [{ scopes: ['finance:read'] as const }, { customerId }]) {
      const key = await makeKey(stack.database, shop.account, options)
      expect((await browser.submit('/dashboard/sign-in', { key })).status).toBe(401)
    }
    await browser.submit('/finance/sign-in', { key: shop.account.key })
    const renamed = browser.cookie?.replace('bark_finance=', 'bark_dashboard=') ?? null
    const thief = { ...browser, cookie: null }
    expect((await thief.get('/dashboard/webhooks', { Cookie: renamed ?? '' })).status).toBe(303)
    for (const to of ['/finance', '//evil.example', 'https://evil.example', '/dashboard']) {
      const page = await openBrowser(stack.apiUrl).submit('/dashboard/sign-in', {
        key: shop.account.key,
        to,
      })
      expect(page.headers.get('location'), to).toBe('/dashboard/webhooks')
    }
    const ended = openBrowser(stack.apiUrl)
    const posted = await ended.submit('/dashboard/webhooks/whk_x/pause', {})
    expect(posted.headers.get('location')).toBe('/dashboard/sign-in?to=%2Fdashboard%2Fwebhooks')
  })
})
