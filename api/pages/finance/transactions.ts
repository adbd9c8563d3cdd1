import { html } from 'hono/html'
import {
  getFinancePurchaseOrder,
  getFinanceTransaction,
  listFinanceUnits,
  type FinanceTransaction,
  type FinanceUnit,
} from '../../../db/finance.ts'
import { displayCount } from '../../../documents/display.ts'
import {
  codeState,
  deriveStatus,
  tallyUnits,
  TRANSACTION_STATUS_TABLE,
  type CodeState,
  type TransactionStatus,
} from '../../../domain/order-status.ts'
import { requireId } from '../../fields.ts'
import { renderExport, walkList } from './list.ts'
import { numberOf, type FinanceContent, type FinanceView } from './view.ts'
import {
  renderAmount,
  renderClock,
  renderState,
  renderTable,
  type Column,
  type Markup,
  type Tone,
} from '../layout.ts'

/** How a purchase order lists its transactions; times are those of its customer's zone. */
export function transactionColumns(timeZone: string): Column<FinanceTransaction>[] {
  return [
    { head: '#', number: true, cell: (txn) => displayCount(txn.position) },
    {
      head: 'Transaction',
      cell: (txn) =>
        html`<a class="mono" href="/finance/transactions/${txn.id}">${txn.id}</a> ${
            txn.client_reference === null
              ? ''
              : html`<span class="small">${txn.client_reference}</span>`
          }`,
    },
    {
      head: 'Accepted',
      cell: (txn) => html`<span class="nowrap">${renderClock(txn.accepted_at, timeZone)}</span>`,
    },
    { head: 'Status', cell: (txn) => renderTransactionStatus(txn) },
    {
      head: 'Delivered',
      number: true,
      cell: ({ units }) => {
        const { delivered, requested } = tallyUnits(units)
        return `${displayCount(delivered)} of ${displayCount(requested)}`
      },
    },
    { head: 'Total', number: true, cell: (txn) => renderAmount(txn.total_minor, txn.currency) },
  ]
}

/** One transaction with its units; a unit's code is for its customer only and is not read here. */
export async function renderTransactionPage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('transaction', view.id)
  const { db } = view.deps.database
  const txn = await getFinanceTransaction(db, view.accountId, id)
  const po = await getFinancePurchaseOrder(db, view.accountId, txn.purchase_order_id)
  const { rows, pager } = await walkList(view, `/finance/transactions/${id}`, {}, (request) =>
    listFinanceUnits(db, view.accountId, id, request),
  )
  const { requested, delivered, remaining, failed, cancelled } = tallyUnits(txn.units)
  const body = html`<h1>Transaction ${txn.position}</h1>
    <p>
      ${po.customer_name}, on
      <a href="/finance/purchase-orders/${po.id}">${numberOf(po)}</a>
    </p>
    <dl>
      <dt>Status</dt>
      <dd>${renderTransactionStatus(txn)}</dd>
      <dt>Accepted</dt>
      <dd>
        ${renderClock(txn.accepted_at, po.time_zone)} <span class="quiet">${po.time_zone}</span>
      </dd>
      <dt>Codes</dt>
      <dd>
        ${displayCount(delivered)} of ${displayCount(requested)} delivered,
        ${displayCount(remaining)} open, ${displayCount(failed)} failed, ${displayCount(cancelled)}
        cancelled
      </dd>
      ${
        remaining === 0
          ? ''
          : html`<dt>Open until</dt>
              <dd>${renderClock(txn.deadline_at, po.time_zone)}</dd>`
      }
      <dt>Total</dt>
      <dd>${renderAmount(txn.total_minor, txn.currency)}, ${txn.payment_method}</dd>
      ${
        txn.client_reference === null
          ? ''
          : html`<dt>Client reference</dt>
              <dd>${txn.client_reference}</dd>`
      }
      <dt>Id</dt>
      <dd class="mono">${txn.id}</dd>
    </dl>
    <h2>Units</h2>
    ${renderTable(unitColumns(txn.currency, po.time_zone), rows, 'It has no unit.')} ${pager}
    ${renderExport('units', { transaction_id: id })}`
  return { title: `Transaction ${txn.id}`, body }
}

function unitColumns(currency: string, timeZone: string): Column<FinanceUnit>[] {
  return [
    { head: '#', number: true, cell: (unit) => displayCount(unit.position) },
    {
      head: 'Product',
      cell: (unit) => html`${unit.name} <span class="small mono">${unit.sku}</span>`,
    },
    { head: 'State', cell: (unit) => renderUnitState(unit) },
    {
      head: 'Delivered',
      cell: (unit) =>
        unit.allocated_at === null
          ? html`<span class="quiet">–</span>`
          : html`<span class="nowrap">${renderClock(unit.allocated_at, timeZone)}</span>`,
    },
    {
      head: 'Invoice',
      cell: (unit) =>
        unit.invoice_id === null
          ? html`<span class="quiet">–</span>`
          : html`<a href="/finance/invoices/${unit.invoice_id}">${unit.invoice_number}</a>`,
    },
    { head: 'Price', number: true, cell: (unit) => renderAmount(unit.price_minor, currency) },
  ]
}

const TONES: Readonly<Record<TransactionStatus, Tone>> = {
  awaiting_payment: 'wait',
  processing: 'wait',
  partial: 'wait',
  complete: 'good',
  partially_failed: 'bad',
  failed: 'bad',
  cancelled: 'quiet',
}

function renderTransactionStatus({ units }: FinanceTransaction): Markup {
  const status = deriveStatus(TRANSACTION_STATUS_TABLE, { units, paidUnits: 0 })
  return renderState(status, TONES[status])
}

const UNIT_TONES: Readonly<Record<CodeState, Tone>> = {
  processing: 'wait',
  available: 'good',
  failed: 'bad',
  cancelled: 'quiet',
  reversed: 'quiet',
}

/** `available` to its customer is delivered to finance. */
function renderUnitState({ state, reason }: FinanceUnit): Markup {
  const word = codeState(state)
  const detail = reason ?? (word === 'processing' ? state : null)
  return html`${renderState(word === 'available' ? 'delivered' : word, UNIT_TONES[word])}
  ${detail === null ? '' : html`<span class="small">${detail.replaceAll('_', ' ')}</span>`}`
}
