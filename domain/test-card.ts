/**
 * The card numbers and tokens of the sandbox: no bank knows any of them. A number that is not in this
 * table is never taken, wherever it comes from; `docs/payments.md` tells integrators what each one does.
 */

export const CARD_BRANDS = ['visa', 'mastercard', 'amex', 'discover'] as const
export type CardBrand = (typeof CARD_BRANDS)[number]

/** A card that enters by its number: the four of the published reference, and one per other brand. */
export type TestCard = { number: string; token: string; brand: CardBrand }

export const TEST_CARDS: readonly TestCard[] = [
  { number: '4242424242424242', token: 'pm_card_visa', brand: 'visa' },
  { number: '4000000000000002', token: 'pm_card_visa_chargeDeclined', brand: 'visa' },
  {
    number: '4000000000009995',
    token: 'pm_card_visa_chargeDeclinedInsufficientFunds',
    brand: 'visa',
  },
  { number: '4000002760003184', token: 'pm_card_authenticationRequired', brand: 'visa' },
  { number: '4000000000000259', token: 'pm_card_createDispute', brand: 'visa' },
  { number: '5555555555554444', token: 'pm_card_mastercard', brand: 'mastercard' },
  { number: '378282246310005', token: 'pm_card_amex', brand: 'amex' },
  { number: '6011111111111117', token: 'pm_card_discover', brand: 'discover' },
]

/** The sandbox card with this number (spaces and dashes do not count), or undefined. */
export function findTestCard(number: string): TestCard | undefined {
  const digits = number.replaceAll(/[ -]/g, '')
  return TEST_CARDS.find((card) => card.number === digits)
}

/** What a call to the PSP meets once: before or after it took effect. */
export const PSP_FAULTS = [
  'drop_before',
  'drop_after',
  'error_before',
  'error_after',
  'slow',
] as const
export type PspFault = (typeof PSP_FAULTS)[number]

/** What the sandbox does with a method; left out, everything goes well at once. */
export type TestBehaviour = {
  decline?: { code: string; declineCode: string; message: string }
  /** The payer must pass a page first (3-D Secure, a wallet's own page). */
  redirect?: true
  /** Money that is on its way for so long, and whether it arrives. */
  settles?: { afterSeconds: number; fails: boolean }
  captureFails?: true
  refund?: 'pending' | 'fails_later'
  dispute?: string
  /** One minor unit less than asked for is captured. */
  mismatch?: true
  faults?: { authorize?: PspFault; capture?: PspFault; refund?: PspFault }
  webhooks?: 'duplicate' | 'late' | 'shuffled'
}

const DAY_SECONDS = 86_400
const GENERIC_DECLINE = {
  code: 'card_declined',
  declineCode: 'generic_decline',
  message: 'Your card was declined.',
}

/** What each token does. `pm_card_sandbox_…` are ours, the others are named as Stripe names them. */
export const TEST_BEHAVIOURS: Readonly<Record<string, TestBehaviour>> = {
  pm_card_visa: {},
  pm_card_mastercard: {},
  pm_card_amex: {},
  pm_card_discover: {},
  pm_card_visa_chargeDeclined: { decline: GENERIC_DECLINE },
  pm_card_visa_chargeDeclinedInsufficientFunds: {
    decline: {
      code: 'card_declined',
      declineCode: 'insufficient_funds',
      message: 'Your card has insufficient funds.',
    },
  },
  pm_card_authenticationRequired: { redirect: true },
  pm_card_createDispute: { dispute: 'fraudulent' },
  pm_card_createDisputeProductNotReceived: { dispute: 'product_not_received' },
  pm_card_pendingRefund: { refund: 'pending' },
  pm_card_refundFail: { refund: 'fails_later' },
  pm_card_sandbox_timeoutBefore: { faults: { authorize: 'drop_before' } },
  pm_card_sandbox_timeoutAfter: { faults: { authorize: 'drop_after' } },
  pm_card_sandbox_errorBefore: { faults: { authorize: 'error_before' } },
  pm_card_sandbox_errorAfter: { faults: { authorize: 'error_after' } },
  pm_card_sandbox_slow: { faults: { authorize: 'slow' } },
  pm_card_sandbox_captureTimeout: { faults: { capture: 'drop_after' } },
  pm_card_sandbox_refundTimeout: { faults: { refund: 'drop_after' } },
  pm_card_sandbox_lateDecline: { settles: { afterSeconds: DAY_SECONDS, fails: true } },
  pm_card_sandbox_captureFails: { captureFails: true },
  pm_card_sandbox_amountMismatch: { mismatch: true },
  pm_card_sandbox_webhooksTwice: { webhooks: 'duplicate' },
  pm_card_sandbox_webhooksLate: { webhooks: 'late' },
  pm_card_sandbox_webhooksShuffled: { webhooks: 'shuffled' },
  pm_paypal: { redirect: true },
  pm_us_bank_account: { settles: { afterSeconds: 3 * DAY_SECONDS, fails: false } },
  pm_us_bank_account_fails: { settles: { afterSeconds: 3 * DAY_SECONDS, fails: true } },
  pm_customer_balance: { settles: { afterSeconds: 2 * DAY_SECONDS, fails: false } },
  pm_affirm: { redirect: true },
  pm_klarna: { redirect: true },
  pm_crypto: { redirect: true, settles: { afterSeconds: 3_600, fails: false } },
}
