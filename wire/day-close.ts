import type { ToldDay } from '../db/account-days.ts'
import type { DayClose } from '../db/day-close.ts'
import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'

/** What a business date adds up to, and what is left to do; it changes until the date is done. */
export function renderDayClose(day: DayClose, told: ToldDay | null) {
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
    digest: told === null ? null : renderDayDigest(told),
  }
}

/** The latest mail to finance about a business date. */
export function renderDayDigest(told: ToldDay) {
  return {
    run: told.run,
    status: statusOf(told),
    complete: told.complete,
    recipients: told.recipients,
    requested_at: printInstant(told.requested_at),
    sent_at: told.sent_at === null ? null : printInstant(told.sent_at),
  }
}

function statusOf({ ended_at, sent_at }: ToldDay): 'waiting' | 'sent' | 'not_sent' {
  if (sent_at !== null) return 'sent'
  return ended_at === null ? 'waiting' : 'not_sent'
}
