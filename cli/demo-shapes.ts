import { z } from 'zod'

/** What the demo reads of the API's answers; the rest of them it does not need. */

export const clockShape = z.object({
  now: z.string(),
  status: z.enum(['advancing', 'ready']),
  waiting_for: z.array(z.string()),
})

export const customerShape = z.object({
  id: z.string(),
  company: z.string(),
  time_zone: z.string(),
})

export const productShape = z.object({
  sku: z.string(),
  name: z.string(),
  currency: z.string(),
  inventory: z.number(),
  variants: z.array(z.object({ inventory: z.number() })),
})

export const webhookShape = z.object({ id: z.string(), secret: z.string() })

export const transactionShape = z.object({
  id: z.string(),
  requested: z.number(),
  total_minor: z.number(),
  currency: z.string(),
  purchase_order: z.object({ id: z.string(), number: z.string(), closes_at: z.string() }),
  links: z.object({ codes: z.string(), workflow: z.string().nullable() }),
})

export type Transaction = z.output<typeof transactionShape>

export const codeListShape = z.object({
  status: z.enum(['processing', 'partial', 'complete', 'failed']),
  requested: z.number(),
  delivered: z.number(),
  remaining: z.number(),
  codes: z.array(
    z.object({ unit_id: z.string(), code: z.string().nullable(), url: z.string().nullable() }),
  ),
})

export type CodeList = z.output<typeof codeListShape>

export const deliveryShape = z.object({
  id: z.string(),
  event_id: z.string(),
  state: z.enum(['pending', 'delivered', 'failed', 'cancelled']),
  attempt_count: z.number(),
})

export type Delivery = z.output<typeof deliveryShape>

export const purchaseOrderShape = z.object({
  id: z.string(),
  status: z.enum(['open', 'settling', 'invoiced', 'settled']),
  transaction_count: z.number(),
  total_minor: z.number(),
  invoices: z.array(z.object({ id: z.string(), number: z.string() })),
})

export const invoiceShape = z.object({
  id: z.string(),
  number: z.string(),
  total_minor: z.number(),
  currency: z.string(),
  sent_at: z.string().nullable(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.number() })),
})

export type Invoice = z.output<typeof invoiceShape>

export const inboxShape = z.object({
  data: z.array(
    z.object({
      to: z.array(z.string()),
      invoice_id: z.string().nullable(),
      attachments: z.array(z.object({ filename: z.string() })),
    }),
  ),
})
