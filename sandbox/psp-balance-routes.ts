import type { Desk } from './psp-desk.ts'
import { PspFailure } from './psp-failure.ts'
import { amountOf, requireText, type Params } from './psp-form.ts'
import { book } from './psp-ledger.ts'
import { balanceOf, page, PAGE, sourceOf, wants } from './psp-lists.ts'
import { printBalanceTransaction, printPayout, secondsOf, type Payout } from './psp-objects.ts'
import type { PspRoute } from './psp-route.ts'

/** The balance of an account: what moved on it, and its way to the bank. */
export const BALANCE_ROUTES: readonly PspRoute[] = [
  {
    method: 'GET',
    path: '/v1/balance',
    known: ['expand'],
    run: (desk) => balanceOf(desk),
  },
  {
    method: 'GET',
    path: '/v1/balance_transactions',
    known: [...PAGE, 'currency', 'type', 'source'],
    run: (desk, params) =>
      page('/v1/balance_transactions', desk.list('balance_transaction'), params, (row) => {
        const printed = printBalanceTransaction(row)
        return wants(params, 'data.source')
          ? { ...printed, source: sourceOf(desk, row.source) }
          : printed
      }),
  },
  {
    method: 'GET',
    path: '/v1/balance_transactions/:id',
    known: ['expand'],
    run: (desk, _params, id) => printBalanceTransaction(desk.get('balance_transaction', id)),
  },
  {
    method: 'POST',
    path: '/v1/payouts',
    operation: 'payout',
    known: ['amount', 'currency', 'description', 'metadata', 'expand'],
    run: (desk, params) => printPayout(createPayout(desk, params)),
  },
  {
    method: 'GET',
    path: '/v1/payouts',
    known: [...PAGE, 'status'],
    run: (desk, params) => page('/v1/payouts', desk.list('payout'), params, printPayout),
  },
  {
    method: 'GET',
    path: '/v1/payouts/:id',
    known: ['expand'],
    run: (desk, _params, id) => printPayout(desk.get('payout', id)),
  },
]

/** Sends what the account has to its bank; never more than there is. */
function createPayout(desk: Desk, params: Params): Payout {
  const currency = requireText(params, 'currency')
  requireText(params, 'amount')
  const amount = amountOf(params, 'amount') ?? 0
  const balance = desk
    .list('balance_transaction')
    .filter((entry) => entry.currency === currency)
    .reduce((all, { net }) => all + net, 0)
  if (amount > balance) {
    throw PspFailure.invalid(
      'You have insufficient funds in your account for this transfer.',
      'amount',
      'balance_insufficient',
    )
  }
  const id = desk.newId('po')
  const entry = book(desk, {
    type: 'payout',
    reporting_category: 'payout',
    amount: -amount,
    fee: 0,
    currency,
    source: id,
  })
  const payout: Payout = {
    id,
    account: desk.account,
    created: secondsOf(desk.nowMs),
    amount,
    currency,
    arrival_date: secondsOf(desk.nowMs),
    status: 'paid',
    balance_transaction: entry.id,
  }
  desk.save({ kind: 'payout', object: payout })
  desk.emit('payout.paid', printPayout(payout))
  return payout
}
