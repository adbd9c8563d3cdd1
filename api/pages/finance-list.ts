import { html } from 'hono/html'
import type { PageRequest, RowsPage } from '../../db/keyset.ts'
import { printPage, readPage } from '../middleware/pagination.ts'
import type { FinanceView } from './finance-view.ts'
import { linkTo, type Markup } from './layout.ts'
import { ROWS_PER_PAGE } from './page-query.ts'

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

/** The way to a list as a file, with the same filter. */
export function renderExport(list: string, filter: Filter): Markup {
  return html`<p class="export">
    <a href="${linkTo(`/finance/exports/${list}.csv`, filter)}">CSV</a>
  </p>`
}
