/** The number that people read: day, currency, sequence, and the end of the customer's id. */
export function purchaseOrderNumber(po: {
  /** YYYY-MM-DD in the customer's zone. */
  businessDate: string
  currency: string
  sequence: number
  customerId: string
}): string {
  return `PO-${po.businessDate}-${po.currency}-${po.sequence}-${po.customerId.slice(-6)}`
}
