import { z } from '@hono/zod-openapi'
import type { DocumentFormat } from '../../documents/render.ts'
import { documentFormats, fileName } from '../../documents/render.ts'
import { DomainError } from '../../domain/error.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import { idParameter } from '../fields.ts'
import { decimal, minor } from './order-shapes.ts'

/** What invoices and credit notes have in common on the wire: lines, documents, their files. */

export const documentLine = z
  .strictObject({
    position: z.int().min(1),
    sku: z.string(),
    name: z.string(),
    quantity: z.int().min(1),
    unit_price: decimal,
    unit_price_minor: minor,
    net: decimal,
    net_minor: minor,
    tax_category: z.string().openapi({ description: 'UNCL 5305, as in EN 16931.', example: 'O' }),
    tax_rate_percent: z.number(),
  })
  .openapi('InvoiceLine')

/** Who gets documents by mail, and as what. */
export const recipientsField = z.array(z.email().max(254)).min(1).max(10)
export const formatsField = z
  .array(z.enum(['pdf', 'csv', 'ubl', 'cii']))
  .min(1)
  .max(4)

export const documentLinks = z.array(z.strictObject({ format: z.string(), url: z.string() }))

/** Path parameters of a file: whose, and in which format. */
export const fileParameters = (idExample: string) =>
  z.strictObject({
    id: idParameter('id', idExample),
    format: z
      .string()
      .max(20)
      .openapi({ param: { name: 'format', in: 'path' }, example: 'pdf' }),
  })

/** The answer of a route that hands a file out. */
export const fileResponse = {
  description: 'The document.',
  media: ['application/pdf', 'text/csv', 'application/xml'],
  headers: { 'Content-Disposition': 'A file name with the number of the document.' },
} as const

/** Throws `document_format_unavailable`. */
export function requireFormat(text: string, snapshot: InvoiceSnapshot): DocumentFormat {
  const format = documentFormats(snapshot).find((known) => known === text)
  if (format !== undefined) return format
  throw new DomainError('document_format_unavailable', 'There is no such document.')
}

/** `Content-Disposition` of a file. */
export function fileHeaders(number: string, format: DocumentFormat): Record<string, string> {
  return { 'Content-Disposition': `attachment; filename="${fileName(number, format)}"` }
}
