import { z } from '@hono/zod-openapi'
import { listClearingLines } from '../../../db/clearing.ts'
import type { Db } from '../../../db/client.ts'
import {
  listFinancePurchaseOrders,
  listFinanceTransactions,
  listFinanceUnits,
  type FinancePurchaseOrder,
} from '../../../db/finance.ts'
import { listFinanceInvoices } from '../../../db/finance-invoices.ts'
import {
  listFinanceBalances,
  listFinanceCreditNotes,
  listFinancePayments,
} from '../../../db/finance-money.ts'
import type { PageRequest, Position, RowsPage } from '../../../db/keyset.ts'
import { listDifferences, listReconciliations } from '../../../db/payment-reconciliations.ts'
import { amountCell, renderCsvRow, type Cell } from '../../../documents/csv.ts'
import { currencyField, requireId } from '../../fields.ts'
import { parseInput } from '../../input.ts'
import { numberOf } from './view.ts'
import { creditNoteQuery, paymentQuery } from './money.ts'
import { invoiceQuery } from './invoices.ts'
import { purchaseOrderQuery } from './purchase-orders.ts'

const ROWS_PER_READ = 500 // one statement each, and as much as is kept in memory

/** A list as a file: opened with its filter, read from one position to the next. */
type Export = {
  head: string[]
  open(
    db: Db,
    accountId: string,
    query: Readonly<Record<string, string>>,
  ): (after: Position | null) => Promise<{ text: string; next: Position | null }>
}

type Columns<Row> = Readonly<Record<string, (row: Row) => Cell>>

function exportOf<Query extends z.ZodType, Row>(spec: {
  query: Query
  list: (
    db: Db,
    accountId: string,
    filter: z.output<Query>,
    request: PageRequest,
  ) => Promise<RowsPage<Row>>
  columns: Columns<Row>
}): Export {
  const cells = Object.values(spec.columns)
  return {
    head: Object.keys(spec.columns),
    open(db, accountId, query) {
      const filter = parseInput(spec.query, query, 'query')
      return async (after) => {
        const request = { kind: 'cursor', after, limit: ROWS_PER_READ } as const
        const { rows, next } = await spec.list(db, accountId, filter, request)
        return {
          text: rows.map((row) => renderCsvRow(cells.map((cell) => cell(row)))).join(''),
          next,
        }
      }
    },
  }
}

const count = (value: bigint | number): Cell => ({ number: String(value) })
const instant = (at: Date | null) => at?.toISOString() ?? ''
const orNone = (minor: bigint | null, currency: string) =>
  minor === null ? '' : amountCell(minor, currency)

const PURCHASE_ORDER_COLUMNS: Columns<FinancePurchaseOrder> = {
  purchase_order_id: (po) => po.id,
  number: numberOf,
  customer_id: (po) => po.customer_id,
  customer: (po) => po.customer_name,
  business_date: (po) => po.business_date,
  time_zone: (po) => po.time_zone,
  state: (po) => po.state,
  closed_at: (po) => instant(po.closed_at),
  invoices: (po) => po.invoices.map(({ number }) => number).join(' '),
  transactions: (po) => count(po.transaction_count),
  total: (po) => amountCell(po.total_minor, po.currency),
  currency: (po) => po.currency,
}

/** By the name of their file. */
const EXPORTS: Readonly<Record<string, Export>> = {
  'purchase-orders': exportOf({
    query: purchaseOrderQuery,
    list: (db, accountId, { date, status }, request) =>
      listFinancePurchaseOrders(db, accountId, { businessDate: date, status }, request),
    columns: PURCHASE_ORDER_COLUMNS,
  }),
  transactions: exportOf({
    query: z.object({ purchase_order_id: z.string() }),
    list: (db, accountId, { purchase_order_id }, request) =>
      listFinanceTransactions(
        db,
        accountId,
        requireId('purchaseOrder', purchase_order_id),
        request,
      ),
    columns: {
      transaction_id: (txn) => txn.id,
      purchase_order_id: (txn) => txn.purchase_order_id,
      position: (txn) => count(txn.position),
      client_reference: (txn) => txn.client_reference ?? '',
      accepted_at: (txn) => instant(txn.accepted_at),
      payment_method: (txn) => txn.payment_method,
      units: (txn) => count(Object.values(txn.units).reduce((sum, units) => sum + units, 0)),
      delivered: (txn) => count((txn.units.allocated ?? 0) + (txn.units.reversed ?? 0)),
      total: (txn) => amountCell(txn.total_minor, txn.currency),
      currency: (txn) => txn.currency,
    },
  }),
  units: exportOf({
    query: z.object({ transaction_id: z.string() }),
    list: (db, accountId, { transaction_id }, request) =>
      listFinanceUnits(db, accountId, requireId('transaction', transaction_id), request),
    columns: {
      unit_id: (unit) => unit.id,
      position: (unit) => count(unit.position),
      sku: (unit) => unit.sku,
      name: (unit) => unit.name,
      state: (unit) => unit.state,
      reason: (unit) => unit.reason ?? '',
      delivered_at: (unit) => instant(unit.allocated_at),
      invoice: (unit) => unit.invoice_number ?? '',
      price: (unit) => amountCell(unit.price_minor, unit.currency),
      currency: (unit) => unit.currency,
    },
  }),
  invoices: exportOf({
    query: invoiceQuery,
    list: listFinanceInvoices,
    columns: {
      invoice_id: (invoice) => invoice.id,
      number: (invoice) => invoice.number,
      customer_id: (invoice) => invoice.customer_id,
      customer: (invoice) => invoice.customer_name,
      business_date: (invoice) => invoice.business_date,
      issue_date: (invoice) => invoice.issue_date,
      due_date: (invoice) => invoice.due_date,
      state: (invoice) => invoice.state,
      sent_at: (invoice) => instant(invoice.sent_at),
      subtotal: (invoice) => amountCell(invoice.subtotal_minor, invoice.currency),
      tax: (invoice) => amountCell(invoice.tax_minor, invoice.currency),
      total: (invoice) => amountCell(invoice.total_minor, invoice.currency),
      owed: (invoice) => amountCell(invoice.owed_minor, invoice.currency),
      currency: (invoice) => invoice.currency,
    },
  }),
  'credit-notes': exportOf({
    query: creditNoteQuery,
    list: listFinanceCreditNotes,
    columns: {
      credit_note_id: (note) => note.id,
      number: (note) => note.number ?? '',
      invoice: (note) => note.invoice_number,
      customer_id: (note) => note.customer_id,
      customer: (note) => note.customer_name,
      issue_date: (note) => note.issue_date ?? '',
      state: (note) => note.state,
      reason: (note) => note.reason,
      subtotal: (note) => amountCell(note.subtotal_minor, note.currency),
      tax: (note) => amountCell(note.tax_minor, note.currency),
      total: (note) => amountCell(note.total_minor, note.currency),
      currency: (note) => note.currency,
    },
  }),
  payments: exportOf({
    query: paymentQuery,
    list: listFinancePayments,
    columns: {
      payment_id: (payment) => payment.id,
      invoice: (payment) => payment.invoice_number,
      customer_id: (payment) => payment.customer_id,
      customer: (payment) => payment.customer_name,
      received_on: (payment) => payment.received_on,
      method: (payment) => payment.method,
      reference: (payment) => payment.reference,
      reversed_on: (payment) => payment.reversed_on ?? '',
      reversal_reason: (payment) => payment.reversal_reason ?? '',
      amount: (payment) => amountCell(payment.amount_minor, payment.currency),
      allocated: (payment) => amountCell(payment.allocated_minor, payment.currency),
      currency: (payment) => payment.currency,
    },
  }),
  today: exportOf({
    query: z.object({}),
    list: (db, accountId, _filter, request) =>
      listFinancePurchaseOrders(db, accountId, { today: true }, request),
    columns: PURCHASE_ORDER_COLUMNS,
  }),
  'provider-differences': exportOf({
    query: z.object({}),
    list: (db, accountId, _filter, request) =>
      listDifferences(db, accountId, { open: true }, request),
    columns: {
      business_date: (row) => row.business_date,
      difference: (row) => row.kind,
      about: (row) => row.about,
      reference: (row) => row.subject,
      payment_id: (row) => row.payment_id ?? '',
      ours: (row) => orNone(row.ours_minor, row.currency),
      our_state: (row) => row.ours ?? '',
      theirs: (row) => orNone(row.theirs_minor, row.currency),
      their_state: (row) => row.theirs ?? '',
      currency: (row) => row.currency,
    },
  }),
  'provider-days': exportOf({
    query: z.object({}),
    list: (db, accountId, _filter, request) => listReconciliations(db, accountId, request),
    columns: {
      business_date: (row) => row.business_date,
      payments: (row) => count(row.payments_seen),
      movements: (row) => count(row.movements_seen),
      open_differences: (row) => count(row.open_differences),
      compared_at: (row) => instant(row.ended_at),
    },
  }),
  clearing: exportOf({
    query: z.object({ currency: currencyField }),
    list: async (db, accountId, { currency }, request) => {
      const { rows, ...page } = await listClearingLines(db, { accountId, currency }, request)
      return { ...page, rows: rows.map((row) => ({ ...row, currency })) }
    },
    columns: {
      occurred_at: (row) => instant(row.occurred_at),
      what: (row) => row.kind,
      reference: (row) => row.source_id,
      amount: (row) => amountCell(row.amount_minor, row.currency),
      balance: (row) => amountCell(row.balance_minor, row.currency),
      currency: (row) => row.currency,
    },
  }),
  customers: exportOf({
    query: z.object({}),
    list: (db, accountId, _filter, request) => listFinanceBalances(db, accountId, request),
    columns: {
      customer_id: (balance) => balance.customer_id,
      customer: (balance) => balance.customer_name,
      held: (balance) => amountCell(balance.held_minor, balance.currency),
      owed: (balance) => amountCell(balance.invoiced_minor, balance.currency),
      on_account: (balance) => amountCell(balance.unallocated_minor, balance.currency),
      credit_limit: (balance) =>
        balance.credit_limit_minor === null
          ? ''
          : amountCell(balance.credit_limit_minor, balance.currency),
      currency: (balance) => balance.currency,
    },
  }),
}

/**
 * A whole list as CSV, or null where there is no such file. It is read while it is sent, a few hundred
 * rows at a time; a failure on the way breaks the connection, so that nobody takes a part for all.
 */
export async function openExport(
  db: Db,
  accountId: string,
  file: string,
  query: Readonly<Record<string, string>>,
): Promise<ReadableStream<Uint8Array> | null> {
  const found = Object.entries(EXPORTS).find(([name]) => `${name}.csv` === file)
  if (found === undefined) return null
  const [, { head, open }] = found
  const read = open(db, accountId, query)
  const encoder = new TextEncoder()
  let page = await read(null)
  let text = renderCsvRow(head) + page.text
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(encoder.encode(text))
      if (page.next === null) return controller.close()
      page = await read(page.next)
      text = page.text
    },
  })
}
