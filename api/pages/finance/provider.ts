import { html } from 'hono/html'
import {
  listClearingBalances,
  listClearingLines,
  type ClearingBalance,
  type ClearingLine,
} from '../../../db/clearing.ts'
import {
  listDifferences,
  listReconciliations,
  type DifferenceRow,
  type ReconciliationRow,
} from '../../../db/payment-reconciliations.ts'
import { displayCount, displayDate } from '../../../documents/display.ts'
import { pageList, renderExport } from './list.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderAmount, renderClock, renderState, renderTable, type Column } from '../layout.ts'

const PATH = '/finance/provider'

/** Payments reconciliation: what the provider owes, what does not agree with it, which days were compared. */
export async function renderPaymentReconciliation(view: FinanceView): Promise<FinanceContent> {
  const { db } = view.deps.database
  const { accountId } = view
  const [balances, days, differences] = await Promise.all([
    listClearingBalances(db, accountId),
    pageList(view, PATH, 'days', (page) =>
      listReconciliations(db, accountId, { kind: 'page', ...page }),
    ),
    pageList(view, PATH, 'differences', (page) =>
      listDifferences(db, accountId, { open: true }, { kind: 'page', ...page }),
    ),
  ])
  const statements = await Promise.all(
    balances.map(async ({ currency }) => ({
      currency,
      lines: await pageList(view, PATH, `lines_${currency}`, (page) =>
        listClearingLines(db, { accountId, currency }, { kind: 'page', ...page }),
      ),
    })),
  )
  const body = html`<h1>Payments reconciliation</h1>
    <h2>What the payment provider owes</h2>
    ${renderTable(BALANCE_COLUMNS, balances, 'No payment has been captured yet.')}
    <h2>Differences</h2>
    ${renderTable(DIFFERENCE_COLUMNS, differences.rows, 'Our books and the provider agree.')}
    ${differences.pager} ${renderExport('provider-differences', {})}
    <h2>Compared days</h2>
    ${renderTable(dayColumns(view.timeZone), days.rows, 'No day has been compared yet.')}
    ${days.pager} ${renderExport('provider-days', {})}
    ${statements.map(
      ({ currency, lines }) =>
        html`<h2>Clearing account in ${currency}</h2>
          ${renderTable(lineColumns(view.timeZone, currency), lines.rows, '')} ${lines.pager}
          ${renderExport('clearing', { currency })}`,
    )}`
  return { title: 'Payments reconciliation', body }
}

const amount = (
  head: string,
  minor: (row: ClearingBalance) => bigint,
): Column<ClearingBalance> => ({
  head,
  number: true,
  cell: (row) => renderAmount(minor(row), row.currency),
})

const BALANCE_COLUMNS: Column<ClearingBalance>[] = [
  { head: 'Currency', cell: ({ currency }) => currency },
  amount('Captured', (row) => row.captured_minor),
  amount('Fees', (row) => row.fees_minor),
  amount('Refunded', (row) => row.refunded_minor),
  amount('Disputed', (row) => row.disputed_minor),
  amount('Paid out', (row) => row.paid_out_minor),
  amount('Owed now', (row) => row.balance_minor),
]

/** What each difference means, in the words of finance. */
const KINDS: Readonly<Record<DifferenceRow['kind'], string>> = {
  missing_here: 'Only the provider has it',
  missing_there: 'Only we have it',
  amount_mismatch: 'Another amount',
  status_mismatch: 'Another state',
}

const side = (minor: bigint | null, currency: string, state: string | null) =>
  minor === null
    ? '–'
    : html`${renderAmount(minor, currency)} <span class="quiet">${state ?? ''}</span>`

const DIFFERENCE_COLUMNS: Column<DifferenceRow>[] = [
  { head: 'Day', cell: (row) => displayDate(row.business_date) },
  { head: 'What', cell: (row) => KINDS[row.kind] },
  { head: 'Of', cell: (row) => row.about },
  { head: 'Ours', number: true, cell: (row) => side(row.ours_minor, row.currency, row.ours) },
  { head: 'Theirs', number: true, cell: (row) => side(row.theirs_minor, row.currency, row.theirs) },
  {
    head: 'Reference',
    cell: (row) => html`<span class="small">${row.subject} ${row.payment_id ?? ''}</span>`,
  },
]

const dayColumns = (timeZone: string): Column<ReconciliationRow>[] => [
  { head: 'Day', cell: (row) => displayDate(row.business_date) },
  { head: 'State', cell: renderDayState },
  { head: 'Payments', number: true, cell: (row) => displayCount(row.payments_seen) },
  { head: 'Movements', number: true, cell: (row) => displayCount(row.movements_seen) },
  { head: 'Differences', number: true, cell: (row) => displayCount(row.open_differences) },
  {
    head: 'Compared',
    cell: ({ ended_at: endedAt }) => (endedAt === null ? '' : renderClock(endedAt, timeZone)),
  },
]

function renderDayState({ ended_at: endedAt, open_differences: open }: ReconciliationRow) {
  if (endedAt === null) return renderState('being compared', 'wait')
  return open === 0 ? renderState('agrees', 'good') : renderState('differs', 'bad')
}

const lineColumns = (timeZone: string, currency: string): Column<ClearingLine>[] => [
  { head: 'When', cell: (row) => renderClock(row.occurred_at, timeZone) },
  { head: 'What', cell: (row) => row.kind.replaceAll('_', ' ') },
  { head: 'Reference', cell: (row) => html`<span class="small">${row.source_id}</span>` },
  { head: 'Amount', number: true, cell: (row) => renderAmount(row.amount_minor, currency) },
  { head: 'Owed after it', number: true, cell: (row) => renderAmount(row.balance_minor, currency) },
]
