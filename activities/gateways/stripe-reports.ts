import type { Stripe } from 'stripe'
import type { PaymentProvider, ProviderPage, ProviderRange } from './payment-provider.ts'
import { readListed, readMovement } from './stripe-answers.ts'
import { PAGE_MAX, type Calls } from './stripe-calls.ts'

export type ReportCalls = Pick<PaymentProvider, 'listMovements' | 'listPayments'>

/** What Stripe says of a whole range of time, page by page. */
export function reportCalls({ stripe, call, options }: Calls): ReportCalls {
  return {
    listMovements: (account, range) =>
      call(async () => {
        const asked = { ...pageOf(range), expand: ['data.source'] }
        return readPage(
          await stripe.balanceTransactions.list(asked, options(account)),
          readMovement,
        )
      }),
    listPayments: (account, range) =>
      call(async () => {
        const asked = { ...pageOf(range), expand: ['data.latest_charge.balance_transaction'] }
        return readPage(await stripe.paymentIntents.list(asked, options(account)), readListed)
      }),
  }
}

function pageOf({ from, before, after }: ProviderRange) {
  return {
    created: { gte: secondsOf(from), lt: secondsOf(before) },
    limit: PAGE_MAX,
    ...(after === null ? {} : { starting_after: after }),
  }
}

function readPage<Entry extends { id: string }, Row>(
  { data, has_more }: Stripe.ApiList<Entry>,
  read: (entry: Entry) => Row,
): ProviderPage<Row> {
  return { rows: data.map(read), next: has_more ? (data.at(-1)?.id ?? null) : null }
}

function secondsOf(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}
