import { Hono } from 'hono'
import { html } from 'hono/html'
import { findMailDocument, getInboxMail, listInboxMails, type InboxMail } from '../../db/inbox.ts'
import { CONTENT_TYPES } from '../../documents/render.ts'
import { DomainError } from '../../domain/error.ts'
import { renderPageList } from '../../wire/list.ts'
import { printInstant } from '../../wire/instant.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { requireId } from '../fields.ts'
import { readQuery, requireReadablePath } from '../url.ts'
import {
  renderClock,
  renderPage,
  renderPager,
  renderTable,
  type Column,
  type Markup,
} from './layout.ts'
import { readPageNumber, ROWS_PER_PAGE } from './page-query.ts'
import { refusePage } from './refusal.ts'
import { PAGE_HEADERS } from './style.ts'

const HOME = { href: '/inbox', label: 'Bark Inbox' }

/**
 * Where the mails of test accounts arrive in development, as pages and as `/inbox.json`. Needs no
 * key, so in production mode it does not exist.
 */
export function inboxPages(deps: ApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  if (deps.config.mode !== 'development') return app
  const { db } = deps.database
  app.onError((error, ctx) => refusePage(deps, ctx, error, [HOME]))
  for (const path of ['/inbox.json', '/inbox/*']) {
    app.use(path, async (ctx, next) => {
      for (const [name, value] of Object.entries(PAGE_HEADERS)) ctx.header(name, value)
      requireReadablePath(ctx.req.url)
      await next()
    })
  }
  app.get('/inbox', async (ctx) => {
    const { number, mails } = await readMails(deps, ctx)
    return ctx.html(renderInbox(number, mails.rows, mails.total ?? 0))
  })
  app.get('/inbox.json', async (ctx) => {
    const { number, mails } = await readMails(deps, ctx)
    const page = { page: number, limit: ROWS_PER_PAGE, total: mails.total ?? 0 }
    return ctx.json(renderPageList(mails.rows.map(printMail), page))
  })
  app.get('/inbox/:id', async (ctx) => {
    const mail = await getInboxMail(db, requireId('mail', ctx.req.param('id')))
    return ctx.html(renderMail(mail))
  })
  app.get('/inbox/:id/attachments/:filename', async (ctx) => {
    const mail = await getInboxMail(db, requireId('mail', ctx.req.param('id')))
    return sendAttachment(deps, ctx, mail, ctx.req.param('filename'))
  })
  return app
}

async function readMails(deps: ApiDeps, ctx: ApiContext) {
  const number = readPageNumber(readQuery(ctx.req.url))
  const page = { kind: 'page', page: number, limit: ROWS_PER_PAGE } as const
  return { number, mails: await listInboxMails(deps.database.db, page) }
}

async function sendAttachment(
  deps: ApiDeps,
  ctx: ApiContext,
  mail: InboxMail,
  filename: string,
): Promise<Response> {
  const attachment = mail.attachments.find((each) => each.filename === filename)
  const content =
    attachment === undefined ? null : await findMailDocument(deps.database.db, mail, attachment)
  if (attachment === undefined || content === null) {
    throw new DomainError('not_found', 'This mail has no such attachment.')
  }
  const disposition = attachment.format === 'pdf' ? 'inline' : 'attachment'
  return ctx.body(new Uint8Array(content), 200, {
    'Content-Type': CONTENT_TYPES[attachment.format],
    'Content-Disposition': `${disposition}; filename="${attachment.filename}"`,
  })
}

function renderInbox(number: number, mails: InboxMail[], total: number): Markup {
  const columns: Column<InboxMail>[] = [
    { head: 'To', cell: (mail) => mail.recipients.join(', ') },
    { head: 'Subject', cell: (mail) => html`<a href="/inbox/${mail.id}">${mail.subject}</a>` },
    {
      head: 'Attachments',
      cell: (mail) =>
        html`${mail.attachments.map(
          ({ filename }) =>
            html`<a class="nowrap small" href="${attachmentPath(mail, filename)}">${filename}</a>`,
        )}`,
    },
    { head: 'Sent', cell: renderSent },
  ]
  const body = html`<h1>Inbox</h1>
    <p>Mails of the test accounts. Without a mail server nothing leaves this machine.</p>
    ${renderTable(columns, mails, 'No mail yet. Close a day, and its invoice arrives here.')}
    ${renderPager({
      path: HOME.href,
      query: {},
      number,
      limit: ROWS_PER_PAGE,
      rows: mails.length,
      total,
    })}`
  return renderPage({ title: 'Inbox', brand: HOME, nav: [], body })
}

function renderMail(mail: InboxMail): Markup {
  const body = html`<h1>${mail.subject}</h1>
    <p><a href="/inbox">All mails</a></p>
    <dl>
      <dt>From</dt>
      <dd>${mail.sender}</dd>
      <dt>To</dt>
      <dd>${mail.recipients.join(', ')}</dd>
      <dt>Sent</dt>
      <dd>${renderSent(mail)}</dd>
    </dl>
    <ul class="documents">
      ${mail.attachments.map(
        ({ filename }) =>
          html`<li><a href="${attachmentPath(mail, filename)}">${filename}</a></li>`,
      )}
    </ul>
    ${preformatted(mail.body)}`
  return renderPage({ title: mail.subject, brand: HOME, nav: [], body })
}

/** On one line, because a blank in it would be printed. */
function preformatted(text: string): Markup {
  return html`<pre>${text}</pre>`
}

/** By the account's business clock. */
function renderSent(mail: InboxMail): Markup {
  if (mail.sent_at !== null) {
    return html`<span class="nowrap">${renderClock(mail.sent_at, mail.time_zone)}</span>
      <span class="small">${mail.time_zone}</span>`
  }
  return html`not yet
  ${mail.last_error === null ? '' : html`<span class="small">${mail.last_error}</span>`}`
}

function printMail(mail: InboxMail) {
  return {
    object: 'mail' as const,
    id: mail.id,
    account_id: mail.account_id,
    from: mail.sender,
    to: mail.recipients,
    subject: mail.subject,
    text: mail.body,
    attachments: mail.attachments.map(({ filename, format }) => ({
      filename,
      content_type: CONTENT_TYPES[format],
      url: attachmentPath(mail, filename),
    })),
    invoice_id: mail.invoice_id,
    sent_at: mail.sent_at === null ? null : printInstant(mail.sent_at),
  }
}

function attachmentPath(mail: InboxMail, filename: string): string {
  return `/inbox/${mail.id}/attachments/${encodeURIComponent(filename)}`
}
