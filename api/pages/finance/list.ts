import { html } from 'hono/html'
import type { PageRequest, RowsPage } from '../../../db/keyset.ts'
import { printPage, readPage } from '../../middleware/pagination.ts'
import type { FinanceView } from './view.ts'
import { linkTo, renderPager, type Markup } from '../layout.ts'
import { readPageNumber, ROWS_PER_PAGE } from '../page-query.ts'

type Filter = Readonly<Record<string, string | undefined>>

/**
 * One page of a list that somebody walks through from its beginning, with the way on. As in the API,
 * a cursor is signed and belongs to its list and filter.
 */
export async function walkList<Row>(
  view: FinanceView,
  path: string,
  filter: Filter,
  list: (request: PageRequest) => Promise<RowsPage<Row>>,
): Promise<{ rows: Row[]; pager: Markup }> {
  const { cursor = '' } = view.query
  const query = { ...filter, cursor, limit: ROWS_PER_PAGE }
  const call = { operationId: path, caller: view.caller, input: { params: {}, query } }
  const found = await list(readPage(view.deps, call))
  const { pagination } = printPage(view.deps, call, found, (row) => row)
  const next = 'next_cursor' in pagination ? pagination.next_cursor : null
  return { rows: found.rows, pager: renderWalk(path, filter, cursor, next) }
}

/** Nothing on a list that fits on one page. */
function renderWalk(path: string, filter: Filter, cursor: string, next: string | null): Markup {
  if (cursor === '' && next === null) return html``
  return html`<div class="pager">
    <span
      >${cursor === '' ? html`` : html`<a rel="first" href="${linkTo(path, filter)}">First</a>`}</span
    >
    <span>
      ${
        next === null
          ? 'The end'
          : html`<a rel="next" href="${linkTo(path, { ...filter, cursor: next })}">Next</a>`
      }
    </span>
  </div>`
}

/** One page of a list that shares its page with others: each goes by a parameter of its own. */
export async function pageList<Row>(
  view: FinanceView,
  path: string,
  parameter: string,
  list: (page: { page: number; limit: number }) => Promise<{ rows: Row[]; total: number | null }>,
): Promise<{ rows: Row[]; pager: Markup }> {
  const number = readPageNumber(view.query, parameter)
  const { rows, total } = await list({ page: number, limit: ROWS_PER_PAGE })
  const { done: _, ...query } = view.query
  const pager = renderPager({
    ...{ path, query, parameter, number, limit: ROWS_PER_PAGE },
    ...{ rows: rows.length, total: total ?? rows.length },
  })
  return { rows, pager }
}

/** The same of rows that are all at hand. */
export function pageRows<Row>(
  view: FinanceView,
  path: string,
  parameter: string,
  all: readonly Row[],
): Promise<{ rows: Row[]; pager: Markup }> {
  return pageList(view, path, parameter, async ({ page, limit }) => ({
    rows: all.slice((page - 1) * limit, page * limit),
    total: all.length,
  }))
}

/** The way to a list as a file, with the same filter. */
export function renderExport(list: string, filter: Filter): Markup {
  return html`<p class="export">
    <a href="${linkTo(`/finance/exports/${list}.csv`, filter)}">CSV</a>
  </p>`
}
