import type { DayClose } from '../db/day-close.ts'
import { minorToNumber } from '../domain/money.ts'

/** What a business date adds up to, and what is left to do; it changes until the date is done. */
export function renderDayClose(day: DayClose) {
  return {
    object: 'day_close' as const,
    business_date: day.business_date,
    status: day.state,
    totals: day.totals.map((total) => ({
      currency: total.currency,
      purchase_order_count: total.purchase_orders,
      transaction_count: total.transactions,
      accepted: minorToNumber(total.accepted_minor, total.currency),
      accepted_minor: Number(total.accepted_minor),
      invoice_count: total.invoices,
      invoiced: minorToNumber(total.invoiced_minor, total.currency),
      invoiced_minor: Number(total.invoiced_minor),
      credited: minorToNumber(total.credited_minor, total.currency),
      credited_minor: Number(total.credited_minor),
    })),
    checklist: day.checks.map(({ name, count, ids }) => ({ name, count, ids })),
    complete: day.checks.every(({ count }) => count === 0),
  }
}
