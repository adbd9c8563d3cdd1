import { renderTransactionsCsv } from '../documents/csv.ts'
import { normObstacles } from '../documents/norm.ts'
import {
  CONTENT_TYPES,
  documentFormats,
  fileName,
  isDocumentFormat,
  renderDocument,
  type DocumentFormat,
} from '../documents/render.ts'
import { DomainError } from '../domain/error.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'

/** What the rows of a CSV are. */
export const CSV_ROWS = ['lines', 'transactions'] as const

type Wish = { format: string; rows?: (typeof CSV_ROWS)[number] }
type DocumentFile = { bytes: Uint8Array; contentType: string; name: string }

/**
 * An issued document as a file: the bytes that were sent, or, as long as none are kept, rendered now
 * from the same snapshot, which gives the same bytes. Stores nothing.
 *
 * @throws DomainError `document_format_unavailable`; `invalid_parameter` for rows of what is no CSV
 */
export async function readDocumentFile(
  snapshot: InvoiceSnapshot,
  wish: Wish,
  findKept: (format: DocumentFormat) => Promise<Buffer | null>,
): Promise<DocumentFile> {
  const format = requireFormat(wish.format, snapshot)
  const contentType = CONTENT_TYPES[format]
  if (wish.rows !== undefined && format !== 'csv') {
    throw new DomainError('invalid_parameter', 'rows: Only a CSV has them.', {
      fields: [{ field: 'rows', message: 'Only a CSV has them' }],
    })
  }
  if (wish.rows === 'transactions') {
    const bytes = renderTransactionsCsv(snapshot)
    return { bytes, contentType, name: `${snapshot.number}-transactions.csv` }
  }
  const bytes = (await findKept(format)) ?? (await renderDocument(snapshot, format))
  return { bytes, contentType, name: fileName(snapshot.number, format) }
}

/**
 * @throws DomainError `document_format_unavailable`, saying why this document has no such format
 */
export function requireFormat(text: string, snapshot: InvoiceSnapshot): DocumentFormat {
  const formats = documentFormats(snapshot)
  const format = formats.find((known) => known === text)
  if (format !== undefined) return format
  const [obstacle] = isDocumentFormat(text) ? normObstacles(snapshot) : []
  const why = obstacle ?? `There is no format called ${text}.`
  throw new DomainError(
    'document_format_unavailable',
    `${why} ${snapshot.number} can be read as ${formats.join(' and ')}.`,
  )
}
