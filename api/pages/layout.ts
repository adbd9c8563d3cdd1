import { html, raw } from 'hono/html'
import { displayAmount, displayCount, wallClock } from '../../documents/display.ts'
import { STYLE } from './style.ts'

/** Escaped HTML, as the tag `html` makes it. */
export type Markup = ReturnType<typeof html>

export type Link = { href: string; label: string }

export type Frame = {
  title: string
  /** What stands on the left of the bar. */
  brand: Link
  nav: Link[]
  /** The link that this page is under. */
  current?: string
  /** Who is signed in, on the right of the bar. */
  who?: Markup
  body: Markup
}

/** A whole page. Works without scripts; everything it needs is in it. */
export function renderPage({ title, brand, nav, current, who, body }: Frame): Markup {
  const link = ({ href, label }: Link) =>
    href === current
      ? html`<a href="${href}" aria-current="page">${label}</a>`
      : html`<a href="${href}">${label}</a>`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Bark</title>
        ${
          // The policy allows this style by its hash, so not a blank may come between.
          raw(`<style>${STYLE}</style>`)
        }
      </head>
      <body>
        <header class="top">
          <div>
            <a class="brand" href="${brand.href}">${brand.label}</a>
            ${nav.length === 0 ? '' : html`<nav aria-label="Pages">${nav.map(link)}</nav>`}
            ${who ?? ''}
          </div>
        </header>
        <main>${body}</main>
      </body>
    </html>`
}

export type Column<Row> = {
  head: string
  /** Right-aligned, never broken. */
  number?: boolean
  cell: (row: Row) => Markup | string
}

/** A table, or the words for an empty one. */
export function renderTable<Row>(
  columns: Column<Row>[],
  rows: Row[],
  empty: string,
  foot?: Markup,
): Markup {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`
  const place = (column: Column<Row>) => (column.number === true ? 'number' : '')
  return html`<div class="table">
    <table>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class="${place(column)}">${column.head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map(
                (column) => html`<td class="${place(column)}">${column.cell(row)}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
      ${
        foot === undefined
          ? ''
          : html`<tfoot>
              ${foot}
            </tfoot>`
      }
    </table>
  </div>`
}

/** Where a list stands, and the way on and back. Nothing on a list that fits on one page. */
export function renderPager(page: {
  path: string
  /** The other parameters of the query; they stay. */
  query: Readonly<Record<string, string | undefined>>
  /** The parameter that names the page of this list. */
  parameter?: string
  number: number
  limit: number
  rows: number
  total: number
}): Markup {
  const first = (page.number - 1) * page.limit + 1
  const last = first + page.rows - 1
  if (page.number === 1 && last >= page.total) return html``
  const { parameter = 'page' } = page
  const to = (number: number) => linkTo(page.path, { ...page.query, [parameter]: String(number) })
  const total =
    page.total > COUNTED_MAX ? `more than ${displayCount(COUNTED_MAX)}` : displayCount(page.total)
  return html`<div class="pager">
    <span>${page.rows === 0 ? 'Nothing here' : `${first}–${last}`} of ${total}</span>
    <span>
      ${page.number > 1 ? html`<a rel="prev" href="${to(page.number - 1)}">Previous</a>` : ''}
      ${
        last < page.total && page.number < pagesMax(page.limit)
          ? html`<a rel="next" href="${to(page.number + 1)}">Next</a>`
          : ''
      }
    </span>
  </div>`
}

const COUNTED_MAX = 10_000 // rows beyond are not counted, and not reached by a page number

/** The last page that can be asked for: an offset costs all the rows before it. */
export function pagesMax(limit: number): number {
  return Math.floor(COUNTED_MAX / limit)
}

/** A path with a query; what is undefined or empty is left out. */
export function linkTo(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, value)
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`
}

/** An amount with its currency: "1,234.50 USD". */
export function renderAmount(minor: bigint | string, currency: string): string {
  return `${displayAmount(String(minor), currency)}\u00a0${currency}`
}

/** An instant as the wall clock of a zone shows it, to the minute: "2026-11-22 14:05". */
export function renderClock(instant: Date, timeZone: string): string {
  return wallClock(timeZone)(instant.toISOString()).slice(0, 'YYYY-MM-DD HH:MM'.length)
}

/** The calendar day of an instant in a zone, YYYY-MM-DD. */
export function wallDate(instant: Date, timeZone: string): string {
  return wallClock(timeZone)(instant.toISOString()).slice(0, 'YYYY-MM-DD'.length)
}

/** Done well, still moving, somebody has to look, or nothing to say. */
export type Tone = 'good' | 'wait' | 'bad' | 'quiet'

/** A state with a dot in its colour; the word says the same. */
export function renderState(state: string, tone: Tone): Markup {
  return html`<span class="state ${tone}">${state.replaceAll('_', ' ')}</span>`
}
