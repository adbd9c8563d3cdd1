import type { Money } from '../../domain/money.ts'
import type { PlainCode } from '../../secrets/seal-code.ts'

/** One unit to buy: our reference, which the supplier keeps for ever, and the supplier's own SKU. */
export type SupplierItem = { reference: string; sku: string }

/** A code as a supplier sold it. It lives between the answer and its encryption only. */
export type SoldCode = PlainCode & {
  /** What the supplier asks for it; null when the answer does not say. */
  cost: Money | null
}

/**
 * What became of one reference.
 *
 * - `delivered`: sold, here is the code
 * - `processing`: taken, not there yet
 * - `none`: refused or cancelled for good; this reference will never be sold
 * - `not_placed`: the supplier certainly never got the order; the reference may be sent again
 * - `unknown`: it may or may not have it; only asking by the reference can tell
 */
export type SupplierResult = { reference: string } & (
  | { state: 'delivered'; code: SoldCode }
  | { state: 'processing' | 'none' | 'not_placed' | 'unknown'; retryAfterSeconds: number | null }
)

/** What every answer says beside its content. */
export type SupplierSaid = {
  /** The answer in a few words for the operator (`HTTP 200`, `no answer in 10 s`); never a body. */
  said: string
  /** The supplier answered in its own words; otherwise its circuit breaker counts a failure. */
  reached: boolean
}

export type SupplierAnswer = SupplierSaid & {
  /** Exactly one for each reference that was asked about. */
  results: SupplierResult[]
  /** Codes that nobody asked for: a second one for a reference, or under a foreign reference. */
  surplus: { reference: string; code: SoldCode }[]
}

/** What the supplier would sell now. `available` null: it does not say how many. */
export type SupplierOffer = { sku: string; available: number | null; cost: Money | null }
/** An SKU without an offer is not sold by this supplier. */
export type SupplierQuote = SupplierSaid & { offers: SupplierOffer[] }

/**
 * What the supplier makes of a code that its buyer calls invalid.
 *
 * - `replaced`: here is another one
 * - `refunded`: it gives the money back
 * - `rejected`: it holds that the code is good
 * - `processing`: it looks into it
 * - `unsupported`: it takes no claims this way
 * - `unknown`: no answer; ask again under the same claim
 */
export type SupplierClaimResult = SupplierSaid &
  (
    | { state: 'replaced'; code: SoldCode }
    | { state: 'refunded' | 'rejected' | 'unsupported' }
    | { state: 'processing' | 'unknown'; retryAfterSeconds: number | null }
  )

/** `claim` is our id of it, which the supplier keeps for ever: asking twice claims once. */
export type SupplierClaim = { claim: string; reference: string; reason: string }

/** Business time of the asking account: the pretend supplier measures its delays by it. */
export type SupplierContext = { now: Date }

/** One call ends after this, answered or not, unless the supplier is configured otherwise. */
export const SUPPLIER_CALL_SECONDS_DEFAULT = 10

/** At most this many references in one call, so that one lost reply leaves few units in doubt. */
export const SUPPLIER_ITEMS_MAX = 200

/**
 * A shop that sells codes. No call ever throws for what the other side or the network does: that is
 * an answer (`unknown`, `not_placed`). None is retried inside.
 */
export type CodeSupplier = {
  /** What it would sell, and for how much. Buys and reserves nothing. */
  quote(skus: string[], context: SupplierContext): Promise<SupplierQuote>
  /** Buys. Sending a reference twice buys once: the supplier repeats its first answer. */
  order(items: SupplierItem[], context: SupplierContext): Promise<SupplierAnswer>
  /** Asks by our references and buys nothing. `not_placed`: the supplier has never seen it. */
  status(references: string[], context: SupplierContext): Promise<SupplierAnswer>
  /**
   * Asks to undo orders that are not delivered. `none`: it is undone, also for a reference that the
   * supplier has never seen, which it then never sells. What cannot be undone is answered as by
   * `status`.
   */
  cancel(references: string[], context: SupplierContext): Promise<SupplierAnswer>
  /** Says that a delivered code is no good. Under one claim id it is said once. */
  claim(claim: SupplierClaim, context: SupplierContext): Promise<SupplierClaimResult>
}
