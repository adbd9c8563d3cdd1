import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  creditNoteIssued,
  entriesOf,
  invoiceIssued,
  LEDGER_ACCOUNTS,
  paymentReceived,
  POSTING_RULES,
  type JournalKind,
  type LedgerAccountKind,
  type Posting,
} from '../../domain/ledger.ts'

const minor = fc.bigInt({ min: 0n, max: 999_999_999_999_999n })

const KINDS = Object.keys(POSTING_RULES).filter((kind): kind is JournalKind =>
  Object.hasOwn(POSTING_RULES, kind),
)

/** Every kind of journal with every combination of amounts. */
const posting: fc.Arbitrary<Posting> = fc
  .constantFrom(...KINDS)
  .chain((kind) =>
    fc
      .record(
        Object.fromEntries(Object.keys(POSTING_RULES[kind]).map((measure) => [measure, minor])),
        { requiredKeys: [] },
      )
      .map((amounts) => asPosting(kind, amounts)),
  )

/** A posting with any measures, also with unknown ones. */
function asPosting(kind: JournalKind, amounts: Record<string, bigint | undefined>): Posting {
  return { kind, amounts }
}

const sumOf = (one: Posting, account: LedgerAccountKind): bigint =>
  entriesOf(one).find((entry) => entry.account === account)?.amountMinor ?? 0n

test('every posting is balanced, and none of its entries is empty or doubled', () => {
  fc.assert(
    fc.property(posting, (one) => {
      const entries = entriesOf(one)
      expect(entries.reduce((total, entry) => total + entry.amountMinor, 0n)).toBe(0n)
      expect(entries.every((entry) => entry.amountMinor !== 0n)).toBe(true)
      expect(new Set(entries.map((entry) => entry.account)).size).toBe(entries.length)
    }),
    { numRuns: 500 },
  )
})

test('promises beside the books never meet the books', () => {
  const isMemo = (account: LedgerAccountKind) => LEDGER_ACCOUNTS[account] === 'memo'
  fc.assert(
    fc.property(posting, (one) => {
      const memo = entriesOf(one).filter((entry) => isMemo(entry.account))
      expect(memo.reduce((total, entry) => total + entry.amountMinor, 0n)).toBe(0n)
    }),
  )
})

test('what was held comes back whole, however much is billed and given up', () => {
  fc.assert(
    fc.property(fc.array(minor, { minLength: 1 }), fc.array(fc.boolean()), (prices, fates) => {
      const total = prices.reduce((sum, price) => sum + price, 0n)
      const postings: Posting[] = [
        { kind: 'order_accepted', amounts: { amount: total } },
        ...prices.map((price, n): Posting => {
          if (fates[n] === true) return { kind: 'units_given_up', amounts: { amount: price } }
          return invoiceIssued({
            netMinor: price,
            undeliveredMinor: 0n,
            taxMinor: price / 5n,
            heldMinor: price,
          })
        }),
      ]
      expect(postings.reduce((sum, one) => sum + sumOf(one, 'held'), 0n)).toBe(0n)
    }),
  )
})

test('what was delivered and billed leaves nothing unbilled; what is owed is net and tax', () => {
  fc.assert(
    fc.property(minor, minor, (netMinor, taxMinor) => {
      const issued = invoiceIssued({
        netMinor,
        undeliveredMinor: 0n,
        taxMinor,
        heldMinor: netMinor,
      })
      const allocated: Posting = { kind: 'units_allocated', amounts: { amount: netMinor } }
      expect(sumOf(issued, 'unbilled') + sumOf(allocated, 'unbilled')).toBe(0n)
      expect(sumOf(issued, 'receivable')).toBe(netMinor + taxMinor)
    }),
  )
})

test('a payment pays what is owed and no more; the rest stays the customer’s', () => {
  fc.assert(
    fc.property(minor, minor, (amountMinor, owedMinor) => {
      const paid = paymentReceived({ amountMinor, owedMinor })
      expect(sumOf(paid, 'cash')).toBe(amountMinor)
      expect(owedMinor + sumOf(paid, 'receivable')).toBeGreaterThanOrEqual(0n)
      const kept = -sumOf(paid, 'unallocated_cash')
      expect(kept).toBe(amountMinor > owedMinor ? amountMinor - owedMinor : 0n)
    }),
  )
})

test('a credit note never makes the customer owe less than nothing', () => {
  fc.assert(
    fc.property(minor, minor, minor, (netMinor, taxMinor, owedMinor) => {
      const note = creditNoteIssued({ netMinor, undeliveredMinor: 0n, taxMinor, owedMinor })
      const left = owedMinor + sumOf(note, 'receivable')
      expect(left).toBeGreaterThanOrEqual(0n)
      expect(owedMinor - left - sumOf(note, 'unallocated_cash')).toBe(netMinor + taxMinor)
    }),
  )
})

test('a captured payment that is paid out, refunded or lost leaves nothing in clearing', () => {
  fc.assert(
    fc.property(minor, fc.nat(100), fc.nat(100), (amount, feePercent, refundPercent) => {
      const fee = (amount * BigInt(feePercent)) / 100n
      const refund = ((amount - fee) * BigInt(refundPercent)) / 100n
      const story: Posting[] = [
        { kind: 'payment_captured', amounts: { amount } },
        { kind: 'psp_fee_charged', amounts: { amount: fee } },
        { kind: 'refund_succeeded', amounts: { prepaid: refund } },
        { kind: 'psp_paid_out', amounts: { amount: amount - fee - refund } },
      ]
      expect(story.reduce((sum, one) => sum + sumOf(one, 'psp_clearing'), 0n)).toBe(0n)
    }),
  )
})

test('a won dispute changes nothing, a lost one is a loss', () => {
  fc.assert(
    fc.property(minor, minor, (amount, fee) => {
      const opened: Posting = { kind: 'dispute_opened', amounts: { amount, fee } }
      const won: Posting = { kind: 'dispute_won', amounts: { amount, fee } }
      const lost: Posting = { kind: 'dispute_lost', amounts: { amount } }
      for (const account of ['psp_clearing', 'disputed', 'psp_fees'] as const) {
        expect(sumOf(opened, account) + sumOf(won, account)).toBe(0n)
      }
      expect(sumOf(opened, 'disputed') + sumOf(lost, 'disputed')).toBe(0n)
      expect(sumOf(lost, 'dispute_losses')).toBe(amount)
    }),
  )
})

test('refuses what no rule posts', () => {
  expect(() => entriesOf({ kind: 'order_accepted', amounts: { amount: -1n } })).toThrow(RangeError)
  expect(() => entriesOf(asPosting('order_accepted', { tip: 1n }))).toThrow(RangeError)
})
