import type { Db } from '../db/client.ts'
import {
  findOurMovements,
  findOurPayments,
  type OurMovement,
  type OurPayment,
} from '../db/our-payments.ts'
import {
  findDifference,
  sharedPaymentState,
  type Difference,
  type Side,
} from '../domain/payment-difference.ts'
import type {
  ListedPayment,
  ProviderMovement,
  ProviderPayment,
} from './gateways/payment-provider.ts'

/** Compares pages of what the provider says with our rows and our ledger. Reads only. */

/** Payments of the provider that do not agree with ours. */
export async function comparePayments(
  db: Db,
  accountId: string,
  theirs: ListedPayment[],
): Promise<Difference[]> {
  const ours = await findOurPayments(db, accountId, {
    providerIds: theirs.map(({ providerId }) => providerId),
    ids: theirs.flatMap(({ paymentId }) => (paymentId === null ? [] : [paymentId])),
  })
  return theirs.flatMap((payment) => {
    const own = ours.find(
      ({ id, provider_id }) => provider_id === payment.providerId || id === payment.paymentId,
    )
    return comparePayment(own ?? null, payment, payment)
  })
}

/** One payment: nothing where something is under way, because the sides may differ until it is done. */
export function comparePayment(
  ours: OurPayment | null,
  theirs: ProviderPayment | null,
  of: { providerId: string; currency: string },
): Difference[] {
  if (ours?.busy === true) return []
  const found = findDifference({
    about: 'payment',
    subject: of.providerId,
    paymentId: ours?.id ?? null,
    currency: ours?.currency ?? of.currency,
    ours: ours === null ? null : ownSide(ours),
    theirs: theirs === null ? null : theirSide(theirs),
  })
  return found === null ? [] : [found]
}

/** What was captured, or asked for while nothing is. In the ledger's words, not the row's. */
function ownSide(payment: OurPayment): Side {
  const isCaptured = payment.state === 'succeeded'
  return {
    state: sharedPaymentState(payment.state),
    amountMinor: isCaptured ? payment.posted_minor : payment.amount_minor,
    feeMinor: isCaptured ? payment.posted_fee_minor : null,
  }
}

function theirSide(payment: ProviderPayment): Side {
  const isCaptured = payment.state === 'succeeded'
  return {
    state: payment.state,
    amountMinor: isCaptured ? payment.capturedMinor : payment.amountMinor,
    feeMinor: isCaptured ? payment.feeMinor : null,
  }
}

/** Movements of the provider that do not agree with ours. Payouts have no other side here. */
export async function compareMovements(
  db: Db,
  accountId: string,
  theirs: ProviderMovement[],
): Promise<Difference[]> {
  const payments = await findOurPayments(db, accountId, {
    providerIds: theirs.map(({ paymentProviderId }) => paymentProviderId).filter((id) => id !== ''),
    ids: [],
  })
  const sources = await findOurMovements(
    db,
    accountId,
    theirs.map(({ sourceId }) => sourceId),
  )
  return theirs.flatMap((movement) => {
    const { kind } = movement
    if (kind === 'payout') return []
    const payment = payments.find((each) => each.provider_id === movement.paymentProviderId)
    if (kind === 'capture') return compareCapture(payment ?? null, movement)
    const source = sources.find((each) => each.provider_id === movement.sourceId)
    return compareSource(payment ?? null, source ?? null, { ...movement, kind })
  })
}

function compareCapture(payment: OurPayment | null, movement: ProviderMovement): Difference[] {
  const { amountMinor, feeMinor, currency, sourceId } = movement
  if (payment?.busy === true) return []
  const found = findDifference({
    about: 'payment',
    subject: sourceId,
    paymentId: payment?.id ?? null,
    currency,
    ours: payment === null ? null : ownSide(payment),
    theirs: { state: 'succeeded', amountMinor, feeMinor },
  })
  return found === null ? [] : [found]
}

const ABOUT = {
  refund: 'refund',
  refund_failed: 'refund',
  dispute: 'dispute',
  dispute_won: 'dispute',
  other: 'balance',
} as const

function compareSource(
  payment: OurPayment | null,
  source: OurMovement | null,
  movement: ProviderMovement & { kind: keyof typeof ABOUT },
): Difference[] {
  const found = findDifference({
    about: ABOUT[movement.kind],
    subject: movement.sourceId,
    paymentId: payment?.id ?? null,
    currency: movement.currency,
    ours:
      source === null
        ? null
        : {
            state: sourceState(source, movement),
            amountMinor: source.amount_minor,
            feeMinor: null,
          },
    theirs: {
      state: movement.kind,
      amountMinor: movement.amountMinor < 0n ? -movement.amountMinor : movement.amountMinor,
      feeMinor: null,
    },
  })
  return found === null ? [] : [found]
}

/** The movement that our state stands for; one that is on its way may have moved already. */
function sourceState(source: OurMovement, { kind }: ProviderMovement): string {
  const wanted = DECIDED_BY[kind]
  return wanted === undefined || wanted === source.state ? kind : source.state
}

/** Movements that stand for one state of ours only. */
const DECIDED_BY: Readonly<Partial<Record<ProviderMovement['kind'], string>>> = {
  refund_failed: 'failed',
  dispute_won: 'won',
}
