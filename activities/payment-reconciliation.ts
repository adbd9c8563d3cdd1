import { inTransaction, type Db, type Tx } from '../db/client.ts'
import { tellDispute } from '../db/disputes.ts'
import { emitEvent } from '../db/events.ts'
import { postJournal } from '../db/ledger.ts'
import { findOurPayments, listOurPayments, listOurRefunds } from '../db/our-payments.ts'
import {
  endReconciliation,
  getReconciledDay,
  keepDifference,
  type ReconciledDay,
} from '../db/payment-reconciliations.ts'
import { getPayingAccount } from '../db/payments.ts'
import { findDifference, type Difference } from '../domain/payment-difference.ts'
import { newId } from '../new-id.ts'
import { renderDifference } from '../wire/payment-difference.ts'
import type {
  PaymentProvider,
  ProviderAccount,
  ProviderMovement,
  ProviderOutcome,
  ProviderPage,
} from './gateways/payment-provider.ts'
import type { ActivityDeps } from './deps.ts'
import { compareMovements, comparePayment, comparePayments } from './payment-comparison.ts'

const OURS_PER_PAGE = 500

export type ReconciliationInput = { accountId: string; reconciliationId: string }
export type ReconciliationResult = { payments: number; movements: number; differences: number }

/** One comparison under way. */
type Books = { db: Db; provider: PaymentProvider; account: ProviderAccount; day: ReconciledDay }

export function paymentReconciliationActivities(deps: ActivityDeps) {
  const { db } = deps.database
  return {
    /**
     * Compares a day of an account with the provider: its payments and everything that moved on its
     * balance, page by page, with our rows and our ledger. Whatever seems to differ is looked at once
     * more on both sides before it is kept. Payouts are posted. Safe to run twice: a difference is
     * kept once per day and subject, a payout is posted once. Fails while the provider is silent.
     */
    async reconcileDay(input: ReconciliationInput): Promise<ReconciliationResult> {
      const { accountId } = input
      const day = await getReconciledDay(db, input)
      const { mode, reference, now } = await getPayingAccount(db, accountId)
      const account = { accountId, reference, now }
      const books: Books = { db, provider: deps.payments(mode), account, day }
      const found = new Map<string, Difference>()
      const note = (differences: Difference[]) => {
        for (const each of differences) found.set(`${each.about} ${each.subject}`, each)
      }
      const seen = { payments: new Set<string>(), refunds: new Set<string>(), movements: 0 }
      await walk(
        (after) => books.provider.listPayments(account, { ...day, after }),
        async (rows) => {
          for (const { providerId } of rows) seen.payments.add(providerId)
          note(await comparePayments(db, accountId, rows))
        },
      )
      await walk(
        (after) => books.provider.listMovements(account, { ...day, after }),
        async (rows) => {
          seen.movements += rows.length
          for (const { sourceId } of rows) seen.refunds.add(sourceId)
          note(await compareMovements(db, accountId, rows))
          for (const row of rows) if (row.kind === 'payout') await postPayout(db, accountId, row)
        },
      )
      note(await findMissingPayments(books, seen.payments))
      note(await findMissingRefunds(books, seen.refunds))
      const confirmed = await confirm(books, [...found.values()])
      for (const difference of confirmed) {
        await inTransaction(db, (tx) => keep(tx, { ...input, run: day.run }, difference))
      }
      const counts = { payments: seen.payments.size, movements: seen.movements }
      await inTransaction(db, (tx) => endReconciliation(tx, { ...input, run: day.run }, counts))
      const result = { ...counts, differences: confirmed.length }
      deps.log.info({ reconciliation: input.reconciliationId, ...result }, 'payments_reconciled')
      return result
    },
  }
}

async function walk<Row>(
  read: (after: string | null) => Promise<ProviderOutcome<ProviderPage<Row>>>,
  each: (rows: Row[]) => Promise<void>,
): Promise<void> {
  for (let after: string | null = null; ;) {
    const page: ProviderPage<Row> = answerOf(await read(after))
    await each(page.rows)
    if (page.next === null) return
    after = page.next
  }
}

/** A day is compared with all that the provider has, or not at all: it is tried again later. */
function answerOf<Value>(outcome: ProviderOutcome<Value>): Value {
  if (outcome.kind === 'answered') return outcome.value
  const said = 'said' in outcome ? outcome.said : outcome.problem.code
  throw new Error(`The provider does not answer the comparison: ${outcome.kind}, ${said}`)
}

/** Payments of ours that the provider's day does not have: each is asked for by its name. */
async function findMissingPayments(
  { db, provider, account, day }: Books,
  seen: ReadonlySet<string>,
): Promise<Difference[]> {
  const missing: Difference[] = []
  for (let after = ''; ;) {
    const range = { ...day, after, max: OURS_PER_PAGE }
    const ours = await listOurPayments(db, account.accountId, range)
    for (const payment of ours) {
      const { provider_id: providerId, id: paymentId } = payment
      if (payment.busy || (providerId !== null && seen.has(providerId))) continue
      const by = providerId === null ? { paymentId } : { providerId }
      const theirs = answerOf(await provider.findPayment(account, by))
      const of = { providerId: providerId ?? paymentId, currency: payment.currency }
      missing.push(...comparePayment(payment, theirs, of))
    }
    const last = ours.at(-1)
    if (last === undefined || ours.length < OURS_PER_PAGE) return missing
    after = last.id
  }
}

async function findMissingRefunds(
  { db, provider, account, day }: Books,
  seen: ReadonlySet<string>,
): Promise<Difference[]> {
  const missing: Difference[] = []
  for (const refund of await listOurRefunds(db, account.accountId, day)) {
    if (seen.has(refund.provider_id)) continue
    const by = { paymentProviderId: refund.payment_provider_id, refundId: refund.id }
    const theirs = answerOf(await provider.findRefund(account, by))
    const found = findDifference({
      about: 'refund',
      subject: refund.provider_id,
      paymentId: refund.payment_id,
      currency: refund.currency,
      ours: { state: 'refund', amountMinor: refund.amount_minor, feeMinor: null },
      theirs:
        theirs === null
          ? null
          : { state: 'refund', amountMinor: theirs.amountMinor, feeMinor: null },
    })
    if (found !== null) missing.push(found)
  }
  return missing
}

/**
 * Lists are older than the moment in which they are compared, so what differs in a payment is looked
 * at once more, on both sides.
 */
async function confirm(books: Books, candidates: Difference[]): Promise<Difference[]> {
  const { db, provider, account } = books
  const confirmed: Difference[] = []
  for (const candidate of candidates) {
    if (candidate.about !== 'payment') {
      confirmed.push(candidate)
      continue
    }
    const { paymentId, subject: providerId, currency } = candidate
    const theirs = answerOf(
      await provider.findPayment(
        account,
        providerId === paymentId ? { paymentId } : { providerId },
      ),
    )
    const by = { providerIds: [providerId], ids: paymentId === null ? [] : [paymentId] }
    const [ours] = await findOurPayments(db, account.accountId, by)
    confirmed.push(...comparePayment(ours ?? null, theirs, { providerId, currency }))
  }
  return confirmed
}

/** Money that left the provider for the bank; the clearing account does without it. */
async function postPayout(db: Db, accountId: string, payout: ProviderMovement): Promise<void> {
  await inTransaction(db, (tx) =>
    postJournal(tx, {
      accountId,
      customerId: null,
      currency: payout.currency,
      posting: { kind: 'psp_paid_out', amounts: { amount: -payout.amountMinor } },
      sourceId: payout.sourceId,
      at: payout.createdAt,
    }),
  )
}

/** A new difference is told once. A dispute that nobody told us of gets its story. */
async function keep(
  tx: Tx,
  key: { accountId: string; reconciliationId: string; run: number },
  found: Difference,
): Promise<void> {
  const row = await keepDifference(tx, { ...key, id: newId('paymentDifference') }, found)
  if (row === null) return
  await emitEvent(tx, {
    accountId: key.accountId,
    type: 'payment.difference_found',
    objectId: row.id,
    sequence: 1,
    customerId: null,
    facts: { object: renderDifference(row) },
  })
  if (found.about === 'dispute' && found.kind === 'missing_here' && found.paymentId !== null) {
    await tellDispute(tx, key.accountId, found.paymentId, found.subject)
  }
}
