import { z } from '@hono/zod-openapi'
import { findLocale } from '../../../documents/locale.ts'
import { CSV_ROWS } from '../../document-file.ts'
import { idParameter } from '../../fields.ts'
import { decimal, minor } from '../orders/order-shapes.ts'

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

export const documentTaxLine = z
  .strictObject({
    category: z.string().openapi({ description: 'UNCL 5305, as in EN 16931.', example: 'S' }),
    rate_percent: z.number().openapi({ example: 19 }),
    taxable: decimal,
    taxable_minor: minor,
    tax: decimal,
    tax_minor: minor,
    exemption_code: z.string().nullable().openapi({ example: 'VATEX-EU-AE' }),
    exemption_text: z.string().nullable(),
  })
  .openapi('TaxLine')

/** How figures and dates are written: a language, or a language and a country. */
export const localeField = z
  .string()
  .regex(/^[a-z]{2,3}(?:-[A-Z]{2})?$/, 'Must be a language tag such as de or de-AT')
  .refine((tag) => findLocale(tag) !== undefined, 'Is not a language that documents can be set in')
  .openapi({ example: 'de-AT' })

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

/** Query parameters of a file. */
export const fileQuery = z.strictObject({
  rows: z.enum(CSV_ROWS).optional().openapi({
    description:
      'Of a CSV: the lines of the document (the default), or the transactions behind it.',
  }),
})

/** The answer of a route that hands a file out. */
export const fileResponse = {
  description: 'The document.',
  media: ['application/pdf', 'text/csv', 'application/xml'],
  headers: { 'Content-Disposition': 'A file name with the number of the document.' },
} as const

/** `Content-Disposition` of a file; its name needs no quoting of its own. */
export function fileHeaders(name: string): Record<string, string> {
  return { 'Content-Disposition': `attachment; filename="${name}"` }
}
