import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { renderCii } from './cii.ts'
import { renderInvoiceCsv } from './csv.ts'
import { normObstacles } from './norm.ts'
import { renderInvoicePdf } from './pdf.ts'
import { renderUbl } from './ubl.ts'

export type DocumentFormat = 'pdf' | 'csv' | 'ubl' | 'cii'

export const CONTENT_TYPES: Readonly<Record<DocumentFormat, string>> = {
  pdf: 'application/pdf',
  csv: 'text/csv; charset=utf-8',
  ubl: 'application/xml',
  cii: 'application/xml',
}

/**
 * The formats in which this invoice exists. EN 16931 cannot express every one: three decimals, or a
 * buyer whose address is not known.
 */
export function documentFormats(snapshot: InvoiceSnapshot): DocumentFormat[] {
  return normObstacles(snapshot).length === 0 ? ['csv', 'cii', 'pdf', 'ubl'] : ['csv', 'pdf']
}

export function isDocumentFormat(text: string): text is DocumentFormat {
  return Object.hasOwn(CONTENT_TYPES, text)
}

/** What the file is called. Numbers hold letters, digits and hyphens only, so it needs no quoting. */
export function fileName(number: string, format: DocumentFormat): string {
  return `${number}.${format === 'pdf' || format === 'csv' ? format : `${format}.xml`}`
}

/** Renders one format from the snapshot alone; the same bytes every time. */
export async function renderDocument(
  snapshot: InvoiceSnapshot,
  format: DocumentFormat,
): Promise<Uint8Array> {
  switch (format) {
    case 'pdf':
      return renderInvoicePdf(snapshot)
    case 'csv':
      return renderInvoiceCsv(snapshot)
    case 'ubl':
      return new TextEncoder().encode(renderUbl(snapshot))
    case 'cii':
      return new TextEncoder().encode(renderCii(snapshot))
  }
}
