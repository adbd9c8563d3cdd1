import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { keepBooks, type Books } from './books.ts'
import { openBrowser, type Browser } from './browser.ts'

type InboxJson = {
  data: {
    id: string
    to: string[]
    subject: string
    text: string
    attachments: { url: string }[]
  }[]
  pagination: { total_items: number }
}

describe('the inbox of development', () => {
  let api: ServedApi
  let books: Books
  let live: Books
  let browser: Browser

  beforeAll(async () => {
    api = await serveApi('inbox')
    books = await keepBooks(api)
    live = await keepBooks(api, 'live')
    browser = openBrowser(api.url)
  })
  afterAll(() => api.stop())

  async function readInbox(): Promise<InboxJson> {
    return JSON.parse((await browser.get('/inbox.json')).text)
  }

  test('shows the mails of test accounts with their attachments', async () => {
    const { data, pagination } = await readInbox()
    expect(pagination.total_items).toBe(1)
    expect(data[0]?.subject).toContain(books.invoiced.number)
    const [pdf, csv] = data[0]?.attachments ?? []
    expect((await browser.get(pdf?.url ?? '')).text.startsWith('%PDF-')).toBe(true)
    expect((await browser.get(csv?.url ?? '')).headers.get('content-type')).toContain('text/csv')
    const list = await browser.get('/inbox')
    expect(list.text).toContain(`href="/inbox/${data[0]?.id}"`)
    const mail = await browser.get(`/inbox/${data[0]?.id}`)
    expect(mail.text).toContain('49.36 EUR')
  })

  test('never shows a mail of a live account', async () => {
    const row = await api.database.db
      .selectFrom('mails')
      .select('id')
      .where('account_id', '=', live.account.accountId)
      .executeTakeFirstOrThrow()
    expect(JSON.stringify(await readInbox())).not.toContain(row.id)
    expect((await browser.get(`/inbox/${row.id}`)).status).toBe(404)
    const attachment = `/inbox/${row.id}/attachments/${live.invoiced.number}.pdf`
    expect((await browser.get(attachment)).status).toBe(404)
  })

  test('has no other attachment than those of the mail', async () => {
    const { data } = await readInbox()
    const page = await browser.get(`/inbox/${data[0]?.id}/attachments/..%2fsecret`)
    expect(page.status).toBe(404)
  })
})

test('does not exist in production', async () => {
  const secret = () => randomBytes(32).toString('base64')
  const api = await serveApi('inbox-production', {
    BARK_MODE: 'production',
    API_ALLOW_PLAIN_HTTP: 'true',
    CODE_ENCRYPTION_KEY: secret(),
    CODE_BLIND_INDEX_KEY: secret(),
    CURSOR_SIGNING_KEY: secret(),
  })
  try {
    const browser = openBrowser(api.url)
    for (const path of ['/inbox', '/inbox.json', '/inbox/mail_x']) {
      expect((await browser.get(path)).status).toBe(404)
    }
    expect((await browser.get('/finance/sign-in')).status).toBe(200)
  } finally {
    await api.stop()
  }
})
