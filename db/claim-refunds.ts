import { sql } from 'kysely'
import { endClaim, type ClaimRow } from './claims.ts'
import type { Tx } from './client.ts'
import { requestCreditNotes } from './credit-notes.ts'
import { findOpenDispute } from './disputes.ts'
import { lockPayment, refundableMinor, type PaymentRow } from './payments.ts'
import { creditNoteKeyOf } from './refunded-units.ts'
import { insertRefund } from './refunds.ts'

/** The unit of a claim, and the unit that was ordered, where that one is its replacement. */
type ClaimedUnit = { id: string; line_id: string; left_gross_minor: bigint }

/**
 * Gives the buyer the money back for the unit that was ordered. It is reversed, with a credit note when
 * it was billed; what was paid for it by card goes back to the card. Answers false, and changes nothing,
 * while a payment of the order is disputed: the bank may give the same money back. The caller holds the
 * claim, which is open, and its transaction.
 */
export async function refundClaim(tx: Tx, claim: ClaimRow): Promise<boolean> {
  const payments = await lockPayments(tx, claim)
  for (const payment of payments) {
    if ((await findOpenDispute(tx, payment)) !== null) return false
  }
  const units = await listClaimedUnits(tx, claim)
  const refundIds = await refundByCard(tx, claim, payments, units)
  await requestCreditNotes(tx, {
    accountId: claim.account_id,
    key: refundIds[0] === undefined ? `claim:${claim.id}` : creditNoteKeyOf(refundIds[0]),
    reason: REASON,
    units: units.map(({ id }) => ({ unitId: id })),
  })
  await endClaim(tx, claim, 'refunded', null)
  return true
}

/** As it is printed on a credit note and beside a refund. */
const REASON = 'Invalid code'

async function lockPayments(tx: Tx, claim: ClaimRow): Promise<PaymentRow[]> {
  const found = await tx
    .selectFrom('payment_intents')
    .select('id')
    .where('account_id', '=', claim.account_id)
    .where('transaction_id', '=', claim.transaction_id)
    .orderBy('id')
    .execute()
  const owner = { accountId: claim.account_id, customerId: null }
  const payments: PaymentRow[] = []
  for (const { id } of found) payments.push(await lockPayment(tx, owner, id))
  return payments
}

/** What is left of a unit with its tax; nothing for one that is on credit. */
async function listClaimedUnits(tx: Tx, claim: ClaimRow): Promise<ClaimedUnit[]> {
  const { rows } = await sql<ClaimedUnit>`
    with recursive chain as (
      select * from units where account_id = ${claim.account_id} and id = ${claim.unit_id}
      union all
      select u.* from units u join chain c on u.account_id = c.account_id and u.id = c.replaces_unit_id
    )
    select id, line_id, coalesce(gross_minor
      - round(gross_minor * credited_minor / nullif(price_minor, 0)::numeric)::bigint, 0)
        as left_gross_minor
    from chain where state = 'allocated'`.execute(tx)
  return rows
}

/** The latest payment first, as far as each goes; answers the refunds. */
async function refundByCard(
  tx: Tx,
  claim: ClaimRow,
  payments: PaymentRow[],
  units: ClaimedUnit[],
): Promise<string[]> {
  let leftMinor = units.reduce((sum, unit) => sum + unit.left_gross_minor, 0n)
  const refundIds: string[] = []
  for (const payment of payments.toReversed()) {
    const refundable = refundableMinor(payment)
    const amountMinor = refundable < leftMinor ? refundable : leftMinor
    if (amountMinor <= 0n) continue
    const refund = await insertRefund(tx, payment, {
      amountMinor,
      reason: REASON,
      refundApplicationFee: false,
      lineIds: [...new Set(units.map((unit) => unit.line_id))],
      metadata: { claim_id: claim.id },
    })
    refundIds.push(refund.id)
    leftMinor -= amountMinor
  }
  return refundIds
}
