/** What finance is told of a business date. Amounts are minor units; every list is whole. */
export type DayDigest = {
  businessDate: string
  seller: string
  recipients: string[]
  /** The date that was told before this one: what came between is told here. Null for the first. */
  since: string | null
  customers: DigestCustomer[]
  documents: DigestDocument[]
  open: OpenPurchaseOrder[]
}

/** What a customer ordered on the date, and what was billed of it, in one currency. */
export type DigestCustomer = {
  customer_id: string
  name: string
  currency: string
  purchase_orders: number
  transactions: number
  /** Without tax. */
  accepted_minor: bigint
  invoices: number
  tax_minor: bigint
  /** With tax. */
  invoiced_minor: bigint
}

export type DigestDocument = {
  /** The first invoices of the date; supplementary ones and credit notes by the date they bear. */
  kind: 'invoice' | 'supplementary_invoice' | 'credit_note'
  id: string
  number: string
  customer_id: string
  name: string
  currency: string
  business_date: string
  issue_date: string
  due_date: string | null
  subtotal_minor: bigint
  tax_minor: bigint
  total_minor: bigint
}

export type OpenPurchaseOrder = {
  id: string
  customer_id: string
  name: string
  currency: string
  business_date: string
  sequence: number
  state: 'open' | 'settling' | 'invoiced' | 'settled'
  held: boolean
}
