import { html } from 'hono/html'
import { listLedgerReports, type LedgerReportRow } from '../../../db/ledger-reconciliations.ts'
import { reconcile, type Difference, type IdentityResult } from '../../../db/reconciliation.ts'
import { displayCount, displayDate } from '../../../documents/display.ts'
import { displaySigned } from '../../../documents/statement.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderFormKey } from '../form-call.ts'
import { renderClock, renderPager, renderTable, type Column, type Markup } from '../layout.ts'
import { readPageNumber, ROWS_PER_PAGE } from '../page-query.ts'

const PATH = '/finance/reconciliation'

/** Whether orders, invoices, credit notes and payments agree with the ledger, now and every night. */
export async function renderReconciliation(view: FinanceView): Promise<FinanceContent> {
  const { db } = view.deps.database
  const number = readPageNumber(view.query)
  const page = { kind: 'page', page: number, limit: ROWS_PER_PAGE } as const
  const reports = await listLedgerReports(db, view.accountId, page)
  const results = await reconcile(db, view.accountId)
  const off = results.filter(({ differences }) => differences.length > 0)
  const body = html`<h1>Reconciliation</h1>
    <p>What the business rows say, against what the ledger says, at this moment.</p>
    ${
      off.length === 0
        ? html`<p class="notice">All ${displayCount(results.length)} identities hold.</p>`
        : html`<p class="alert" role="alert">
            ${displayCount(off.length)} of ${displayCount(results.length)} identities do not hold.
            Somebody has to look.
          </p>`
    }
    ${renderTable(identityColumns(), results, '')} ${off.map(renderDifferences)}
    <h2 id="reports">Reports</h2>
    <p>Made and kept every night, when the day of the account is over.</p>
    ${
      view.mayWrite
        ? html`<form method="post" action="${PATH}/reports">
            ${renderFormKey()}
            <button>Make a report now</button>
          </form>`
        : ''
    }
    ${renderTable(reportColumns(view), reports.rows, 'No night has passed yet.')}
    ${renderPager({
      path: PATH,
      query: {},
      number,
      limit: ROWS_PER_PAGE,
      rows: reports.rows.length,
      total: reports.total ?? 0,
    })}`
  return { title: 'Reconciliation', body }
}

function identityColumns(): Column<IdentityResult>[] {
  return [
    { head: 'Identity', cell: ({ name }) => html`<span class="nowrap">${wordsOf(name)}</span>` },
    { head: 'What must be equal', cell: ({ says }) => says },
    {
      head: 'Now',
      cell: ({ differences }) =>
        differences.length === 0
          ? html`<span class="check nowrap">holds</span>`
          : html`<span class="check off nowrap">${displayCount(differences.length)} differ</span>`,
    },
  ]
}

const wordsOf = (name: string) => name.replaceAll('_', ' ')

function reportColumns({ timeZone }: FinanceView): Column<LedgerReportRow>[] {
  return [
    { head: 'After the day', cell: ({ business_date }) => displayDate(business_date) },
    {
      head: 'Made',
      cell: ({ ended_at }) => (ended_at === null ? 'under way' : renderClock(ended_at, timeZone)),
    },
    { head: 'Result', cell: renderResult },
    {
      head: 'What did not hold',
      cell: ({ lines }) =>
        (lines ?? [])
          .filter(({ differences }) => differences > 0)
          .map(
            ({ name, first }) =>
              `${wordsOf(name)} (${first.map(({ subject }) => subject).join(', ')})`,
          )
          .join('; '),
    },
  ]
}

function renderResult({ identities, differing }: LedgerReportRow): Markup {
  if (identities === null || differing === null) return html``
  if (differing > 0) {
    return html`<span class="check off nowrap">${displayCount(differing)} differ</span>`
  }
  return html`<span class="check nowrap">all ${displayCount(identities)} hold</span>`
}

function renderDifferences({ name, differences }: IdentityResult): Markup {
  const amount = (head: string, minor: (difference: Difference) => bigint): Column<Difference> => ({
    head,
    number: true,
    cell: (each) => `${displaySigned(minor(each), each.currency)}\u00a0${each.currency}`,
  })
  const columns: Column<Difference>[] = [
    { head: 'About', cell: ({ subject }) => html`<span class="mono">${subject}</span>` },
    amount('Rows say', (each) => each.expected_minor),
    amount('Ledger says', (each) => each.actual_minor),
    amount('Difference', (each) => each.actual_minor - each.expected_minor),
  ]
  return html`<h2>${wordsOf(name)}</h2>
    ${renderTable(columns, differences, '')}`
}
