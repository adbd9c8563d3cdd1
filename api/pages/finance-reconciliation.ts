import { html } from 'hono/html'
import { reconcile, type Difference, type IdentityResult } from '../../db/reconciliation.ts'
import { displayCount } from '../../documents/display.ts'
import { displaySigned } from '../../documents/statement.ts'
import type { FinanceContent, FinanceView } from './finance-view.ts'
import { renderTable, type Column, type Markup } from './layout.ts'

/** Whether orders, invoices, credit notes and payments agree with the ledger, now. */
export async function renderReconciliation(view: FinanceView): Promise<FinanceContent> {
  const results = await reconcile(view.deps.database.db, view.accountId)
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
    ${renderTable(identityColumns(), results, '')} ${off.map(renderDifferences)}`
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
