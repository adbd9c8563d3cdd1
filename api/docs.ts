import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import { DOMAIN_REASONS } from '../domain/error.ts'
import type { ApiEnv } from './context.ts'
import { REFUSALS } from './refusals.ts'
import { buildOpenApi } from './openapi.ts'
import type { Route } from './route.ts'
import { API_VERSION } from './v2/root.ts'

const UI_FILES = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const

// The reference loads nothing from elsewhere; its own styles are inline.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  filter: true,
  tryItOutEnabled: true,
  requestSnippetsEnabled: true,
  validatorUrl: null,
})
`

/** The API's reference, its errors and its OpenAPI document: pages that need no key. */
export function docsPages(routes: readonly Route[]): Hono<ApiEnv> {
  const openApi = JSON.stringify(buildOpenApi(routes))
  const app = new Hono<ApiEnv>()
  app.get('/openapi.json', (ctx) =>
    ctx.body(openApi, 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' }),
  )
  app.get('/docs', (ctx) => ctx.html(referencePage(), 200, PAGE_HEADERS))
  app.get('/docs/errors', (ctx) => ctx.html(errorsPage(), 200, PAGE_HEADERS))
  app.get('/docs/start.js', (ctx) =>
    ctx.body(START, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )
  for (const [name, type] of Object.entries(UI_FILES)) {
    const content = readUiFile(name)
    app.get(`/docs/${name}`, (ctx) =>
      ctx.body(content, 200, { 'Content-Type': type, 'Cache-Control': 'max-age=86400' }),
    )
  }
  return app
}

const PAGE_HEADERS = { 'Content-Security-Policy': POLICY, 'Referrer-Policy': 'no-referrer' }

function readUiFile(name: string): Uint8Array<ArrayBuffer> {
  const path = new URL(import.meta.resolve(`swagger-ui-dist/${name}`))
  return new Uint8Array(readFileSync(path))
}

const STYLE = `
  :root { color-scheme: light; --ink: #16202a; --quiet: #5b6b7a; --line: #e3e8ed; --paper: #fff }
  body { margin: 0; background: var(--paper); color: var(--ink);
    font: 16px/1.5 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif }
  .top { display: flex; gap: 1.5rem; align-items: baseline; padding: .9rem 1.25rem;
    max-width: 1460px; margin: 0 auto; box-sizing: border-box }
  .top-line { border-bottom: 1px solid var(--line) }
  .top b { font-size: 1.1rem; letter-spacing: .01em }
  .top span { color: var(--quiet) }
  .top nav { margin-left: auto; display: flex; gap: 1.25rem }
  .top a, main a { color: #1f5fbf; text-decoration: none }
  .top a:hover, main a:hover { text-decoration: underline }
  main { max-width: 1000px; margin: 0 auto; padding: 1.5rem 1.25rem 4rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; vertical-align: top; padding: .55rem .8rem .55rem 0;
    border-bottom: 1px solid var(--line) }
  tr:target { background: #fff7d6 }
  code { font: .92em ui-monospace, 'SF Mono', Menlo, Consolas, monospace }
  .swagger-ui .info { margin: 1.5rem 0 }
  .swagger-ui .info .title small { top: 0 }
`

function referencePage() {
  return page(
    'Reference',
    html`<div id="reference"></div>
      <script src="/docs/swagger-ui-bundle.js"></script>
      <script src="/docs/start.js"></script>`,
  )
}

function errorsPage() {
  const rows = DOMAIN_REASONS.map((reason) => {
    const { status, code, hint } = REFUSALS[reason]
    return html`<tr id="${reason}">
      <td><code>${reason}</code></td>
      <td>${status}</td>
      <td><code>${code}</code></td>
      <td>${hint}</td>
    </tr>`
  })
  return page(
    'Errors',
    html`<main>
      <h1>Errors</h1>
      <p>
        Every refusal has the same shape. <code>code</code> is one of seven words,
        <code>reason</code> the exact one, and <code>details</code> names the fields.
      </p>
      <table>
        <thead>
          <tr>
            <th>reason</th>
            <th>status</th>
            <th>code</th>
            <th>what to do</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </main>`,
  )
}

function page(title: string, body: ReturnType<typeof html>) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Bark API</title>
        <link rel="icon" href="/docs/favicon-32x32.png" />
        <link rel="stylesheet" href="/docs/swagger-ui.css" />
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <header class="top-line">
          <div class="top">
            <b>Bark</b><span>API ${API_VERSION}</span>
            <nav>
              <a href="/docs">Reference</a>
              <a href="/docs/errors">Errors</a>
              <a href="/openapi.json">OpenAPI</a>
            </nav>
          </div>
        </header>
        ${body}
      </body>
    </html>`
}
