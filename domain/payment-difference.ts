import type { PaymentState } from './payment.ts'

/** How our books and the provider's may differ about a payment. */
export const DIFFERENCE_KINDS = [
  'missing_here',
  'missing_there',
  'amount_mismatch',
  'status_mismatch',
] as const
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

export const DIFFERENCE_SUBJECTS = ['payment', 'refund', 'dispute', 'balance'] as const
export type DifferenceSubject = (typeof DIFFERENCE_SUBJECTS)[number]

/** Something that does not agree. Amounts are minor units; null where one side has none. */
export type Difference = {
  kind: DifferenceKind
  about: DifferenceSubject
  /** The provider's name of it, or ours where the provider has none. */
  subject: string
  /** Our payment that it belongs to; null when there is none. */
  paymentId: string | null
  currency: string
  oursMinor: bigint | null
  theirsMinor: bigint | null
  ours: string | null
  theirs: string | null
}

/** One side of a comparison: a payment, a refund or a dispute, and what it moved. */
export type Side = {
  /** Its state, in the words that both sides share. */
  state: string
  amountMinor: bigint
  /** What the provider kept of it; null where that side does not say. */
  feeMinor: bigint | null
}

type Comparison = Pick<Difference, 'about' | 'subject' | 'paymentId' | 'currency'> & {
  ours: Side | null
  theirs: Side | null
}

/** What differs, the worst of it: a side that is missing, then a state, then an amount. Or null. */
export function findDifference({ ours, theirs, ...of }: Comparison): Difference | null {
  const about = {
    ...of,
    oursMinor: ours?.amountMinor ?? null,
    theirsMinor: theirs?.amountMinor ?? null,
    ours: ours?.state ?? null,
    theirs: theirs?.state ?? null,
  }
  if (ours === null) return theirs === null ? null : { kind: 'missing_here', ...about }
  if (theirs === null) return { kind: 'missing_there', ...about }
  if (ours.state !== theirs.state) return { kind: 'status_mismatch', ...about }
  if (ours.amountMinor !== theirs.amountMinor) return { kind: 'amount_mismatch', ...about }
  const { feeMinor: oursMinor } = ours
  const { feeMinor: theirsMinor } = theirs
  if (oursMinor === null || theirsMinor === null || oursMinor === theirsMinor) return null
  return { kind: 'amount_mismatch', ...about, oursMinor, theirsMinor, ours: 'fee', theirs: 'fee' }
}

/** A declined method is a failure here and a payment that wants another method there. */
export function sharedPaymentState(state: PaymentState): string {
  return state === 'failed' ? 'requires_payment_method' : state
}
