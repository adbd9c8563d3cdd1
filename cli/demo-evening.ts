import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiClient } from './api-client.ts'
import { amountOf, expect, see, type Story } from './demo-look.ts'
import {
  inboxShape,
  invoiceShape,
  purchaseOrderShape,
  type Invoice,
  type Transaction,
} from './demo-shapes.ts'

/** Closes the one purchase order of these orders and waits until its invoice is sent. */
export async function closeDay(
  { did }: Story,
  api: ApiClient,
  orders: Transaction[],
): Promise<Invoice> {
  const ids = new Set(orders.map(({ purchase_order }) => purchase_order.id))
  const [id] = ids
  expect(id !== undefined && ids.size === 1, `one purchase order for the day, not ${ids.size}`)
  const total = orders.reduce((sum, order) => sum + order.total_minor, 0)
  const closed = await api.post(`/v2/purchase-orders/${id}/close`, undefined, purchaseOrderShape)
  expect(closed.transaction_count === 3, `three orders, not ${closed.transaction_count}`)
  expect(closed.total_minor === total, `${total} on the purchase order, not ${closed.total_minor}`)
  did(`${orders[0]?.purchase_order.number} holds 3 orders and is closed`)
  const billed = await see(
    () => api.get(`/v2/purchase-orders/${id}`, purchaseOrderShape),
    ({ invoices }) => invoices.length > 0,
    'the invoice of the day',
  )
  expect(billed.invoices.length === 1, `one invoice, not ${billed.invoices.length}`)
  const invoice = await see(
    () => api.get(`/v2/invoices/${billed.invoices[0]?.id}`, invoiceShape),
    ({ sent_at }) => sent_at !== null,
    'the invoice to be sent',
  )
  expect(invoice.total_minor === total, `an invoice over ${total}, not ${invoice.total_minor}`)
  const units = invoice.lines.reduce((sum, { quantity }) => sum + quantity, 0)
  expect(units === 9, `nine billed codes, not ${units}`)
  did(
    `invoice ${invoice.number}: ${units} codes, ${amountOf(invoice)}, the sum of the three orders`,
  )
  return invoice
}

/** Writes the PDF below the data folder; answers its path. */
export async function fetchPdf({ did, dataDir }: Story, api: ApiClient, invoice: Invoice) {
  const pdf = await api.getBytes(`/v2/invoices/${invoice.id}/documents/pdf`)
  expect(Buffer.from(pdf.subarray(0, 5)).toString() === '%PDF-', 'a PDF')
  const folder = join(dataDir, 'demo')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${invoice.number}.pdf`)
  writeFileSync(path, pdf)
  did(`its PDF is ${path}`)
  return path
}

/** In development the mail lies in the inbox, with its attachments. */
export async function findMail({ did, running }: Story, invoice: Invoice): Promise<void> {
  if (running.inbox === null) return
  const response = await fetch(`${running.inbox}.json`)
  const { data } = inboxShape.parse(await response.json())
  const mail = data.find(({ invoice_id }) => invoice_id === invoice.id)
  const files = mail?.attachments.map(({ filename }) => filename) ?? []
  expect(
    files.some((name) => name.endsWith('.pdf')) && files.some((name) => name.endsWith('.csv')),
    'a mail with the PDF and the CSV in the inbox',
  )
  did(`mailed to ${mail?.to.join(', ')} with ${files.join(' and ')}: ${running.inbox}`)
}
