import { html } from 'hono/html'
import {
  CONTENT_TYPES,
  documentFormats,
  fileName,
  renderDocument,
  type DocumentFormat,
} from '../../documents/render.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import type { ApiContext } from '../context.ts'
import { notFound } from '../fields.ts'
import type { Markup } from './layout.ts'

const FORMAT_NAMES: Readonly<Record<DocumentFormat, string>> = {
  pdf: 'PDF',
  csv: 'CSV',
  ubl: 'XML (UBL)',
  cii: 'XML (CII)',
}

/** In the order in which people want them. */
const FORMATS: readonly DocumentFormat[] = ['pdf', 'csv', 'ubl', 'cii']

/** The files of an invoice or a credit note, below its page. */
export function renderDocumentList(path: string, snapshot: InvoiceSnapshot): Markup {
  return html`<ul class="documents">
    ${formatsOf(snapshot).map(
      (format) => html`<li><a href="${path}/documents/${format}">${FORMAT_NAMES[format]}</a></li>`,
    )}
  </ul>`
}

/**
 * The bytes of a document: those that were sent, or, as long as none are kept, rendered now from the
 * same snapshot, which gives the same bytes. Stores nothing.
 */
export async function sendFile(
  ctx: ApiContext,
  snapshot: InvoiceSnapshot,
  findKept: (format: DocumentFormat) => Promise<Buffer | null>,
): Promise<Response> {
  const format = formatsOf(snapshot).find((each) => each === ctx.req.param('format'))
  if (format === undefined) throw notFound('document')
  const content = (await findKept(format)) ?? (await renderDocument(snapshot, format))
  // A PDF is read in the browser; the others are for other programs.
  const disposition = format === 'pdf' ? 'inline' : 'attachment'
  return ctx.body(new Uint8Array(content), 200, {
    'Content-Type': CONTENT_TYPES[format],
    'Content-Disposition': `${disposition}; filename="${fileName(snapshot.number, format)}"`,
  })
}

function formatsOf(snapshot: InvoiceSnapshot): DocumentFormat[] {
  const possible = documentFormats(snapshot)
  return FORMATS.filter((format) => possible.includes(format))
}
