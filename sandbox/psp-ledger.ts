import type { Desk } from './psp-desk.ts'
import { secondsOf, type BalanceTransaction } from './psp-objects.ts'

/** Writes a line of the PSP's own ledger. */
export function book(
  desk: Desk,
  line: Pick<
    BalanceTransaction,
    'type' | 'reporting_category' | 'amount' | 'fee' | 'currency' | 'source'
  >,
): BalanceTransaction {
  const entry: BalanceTransaction = {
    id: desk.newId('txn'),
    account: desk.account,
    created: secondsOf(desk.nowMs),
    ...line,
    net: line.amount - line.fee,
  }
  desk.save({ kind: 'balance_transaction', object: entry })
  return entry
}
