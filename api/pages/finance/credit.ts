import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { listCreditableUnits } from '../../../db/credit-note-views.ts'
import { getFinanceInvoice } from '../../../db/finance-invoices.ts'
import { displayCount } from '../../../documents/display.ts'
import { selectCredits, type CreditableUnit } from '../../../domain/credit-selection.ts'
import type { InvoiceLine } from '../../../domain/invoice-lines.ts'
import { requireId } from '../../fields.ts'
import { parseInput } from '../../input.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderFormKey } from '../form-call.ts'
import { renderAmount, renderTable, type Markup } from '../layout.ts'

/** The field of a line: how many of its pieces are taken back. */
const LINE_FIELD = /^line_(\d{1,4})$/
const creditQuery = z.object({
  reason: z.string().max(500).optional(),
  whole: z.literal('yes').optional(),
})

/** Pieces by the position of their line; nothing for an invoice that is taken back whole. */
export type CreditForm = { reason: string; lines?: { position: number; quantity: number }[] }

/** What a form of this page asks for, from its fields. Lines that were left empty are left out. */
export function readCreditForm(fields: Readonly<Record<string, string | undefined>>): CreditForm {
  const { reason = '', whole } = parseInput(creditQuery, fields, 'query')
  const lines = Object.entries(fields).flatMap(([name, text = '']) => {
    const position = LINE_FIELD.exec(name)?.[1]
    if (position === undefined || text === '') return []
    return [{ position: Number(position), quantity: Number(text) }]
  })
  return whole === 'yes' ? { reason } : { reason, lines }
}

/** Asks what to take back and why; once that is said, shows it and asks whether it is meant. */
export async function renderCreditPage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('invoice', view.id)
  const { db } = view.deps.database
  const invoice = await getFinanceInvoice(db, view.accountId, id)
  const left = await listCreditableUnits(db, { accountId: view.accountId, invoiceId: id })
  const form = readCreditForm(view.query)
  const { snapshot } = invoice
  const body = html`<h1>Credit ${snapshot.number}</h1>
    <p>
      ${snapshot.buyer.name}, <a href="/finance/invoices/${id}">${snapshot.number}</a> of
      ${renderAmount(snapshot.total_minor, snapshot.currency)}
    </p>
    ${renderStep(id, snapshot, left, form)}`
  return { title: `Credit ${snapshot.number}`, body }
}

type Billed = { currency: string; lines: InvoiceLine[] }

function renderStep(id: string, billed: Billed, left: CreditableUnit[], form: CreditForm): Markup {
  if (left.length === 0) return html`<p class="empty">Everything of it was credited already.</p>`
  const isSaid = form.reason !== '' && form.lines?.length !== 0
  return isSaid ? renderConfirmation(id, billed, left, form) : renderChoice(id, billed, left, form)
}

function renderChoice(
  id: string,
  { lines, currency }: Billed,
  left: CreditableUnit[],
  { reason }: CreditForm,
): Markup {
  const leftOf = (position: number) => left.filter((unit) => unit.position === position)
  const path = `/finance/invoices/${id}/credit`
  return html`<form method="get" action="${path}">
    <label for="reason">Why? It is printed on the credit note.</label>
    <input id="reason" name="reason" size="60" maxlength="500" value="${reason}" required />
    <h2>What?</h2>
    <p>
      <button class="main" name="whole" value="yes">
        All that is left, ${renderAmount(sumOf(left), currency)} and its tax
      </button>
    </p>
    <p class="quiet">Or so many pieces of each line:</p>
    ${renderTable<InvoiceLine>(
      [
        { head: '#', number: true, cell: (line) => displayCount(line.position) },
        {
          head: 'Product',
          cell: (line) => html`${line.name} <span class="small mono">${line.sku}</span>`,
        },
        {
          head: 'Price',
          number: true,
          cell: (line) => renderAmount(line.unit_price_minor, currency),
        },
        { head: 'Billed', number: true, cell: (line) => displayCount(line.quantity) },
        {
          head: 'Left',
          number: true,
          cell: (line) => displayCount(leftOf(line.position).length),
        },
        {
          head: 'Take back',
          cell: (line) =>
            html`<input
              name="line_${line.position}"
              type="number"
              min="1"
              max="${leftOf(line.position).length}"
              aria-label="Pieces of line ${line.position} to take back"
              ${leftOf(line.position).length === 0 ? 'disabled' : ''}
            />`,
        },
      ],
      lines,
      '',
    )}
    <p><button>Take back these pieces</button></p>
  </form>`
}

function renderConfirmation(
  id: string,
  { lines, currency }: Billed,
  left: CreditableUnit[],
  form: CreditForm,
): Markup {
  const wish = form.lines === undefined ? {} : { lines: form.lines }
  const ids = new Set(selectCredits(left, wish).map(({ unitId }) => unitId))
  const taken = left.filter(({ unit_id }) => ids.has(unit_id))
  const takenOf = (position: number) => taken.filter((unit) => unit.position === position)
  const touched = lines.filter((line) => takenOf(line.position).length > 0)
  return html`<dl>
      <dt>Why</dt>
      <dd>${form.reason}</dd>
    </dl>
    ${renderTable<InvoiceLine>(
      [
        {
          head: 'Product',
          cell: (line) => html`${line.name} <span class="small mono">${line.sku}</span>`,
        },
        {
          head: 'Pieces',
          number: true,
          cell: (line) => displayCount(takenOf(line.position).length),
        },
        {
          head: 'Net',
          number: true,
          cell: (line) => renderAmount(sumOf(takenOf(line.position)), currency),
        },
      ],
      touched,
      '',
      html`<tr>
        <td>Net, to which its tax is added</td>
        <td class="number">${displayCount(taken.length)}</td>
        <td class="number">${renderAmount(sumOf(taken), currency)}</td>
      </tr>`,
    )}
    <p>It cannot be taken back. Its number, its documents and the mail follow within seconds.</p>
    <form class="actions" method="post" action="/finance/invoices/${id}/credit">
      ${renderFormKey()}
      <input type="hidden" name="reason" value="${form.reason}" />
      ${
        form.lines === undefined
          ? html`<input type="hidden" name="whole" value="yes" />`
          : form.lines.map(
              ({ position, quantity }) =>
                html`<input type="hidden" name="line_${position}" value="${quantity}" />`,
            )
      }
      <button class="main">Issue the credit note</button>
      <a href="/finance/invoices/${id}">Leave it</a>
    </form>`
}

function sumOf(units: CreditableUnit[]): bigint {
  return units.reduce((sum, unit) => sum + unit.left_minor, 0n)
}
