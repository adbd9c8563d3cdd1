/**
 * How orders and payments can be paid, as one matrix. A method belongs to one of four classes of
 * flow: `immediate` answers at once, `redirect` sends the payer to a page first, `delayed` arrives
 * after days and may fail late, `credit` is no payment at all: the invoice is paid later.
 */
export const PAYMENT_METHODS = {
  credit: { flow: 'credit', group: 'credit' },
  card: { flow: 'immediate', group: 'card', needsToken: true, manualCapture: true },
  apple_pay: { flow: 'immediate', group: 'wallet', needsToken: true, manualCapture: true },
  google_pay: { flow: 'immediate', group: 'wallet', needsToken: true, manualCapture: true },
  paypal: { flow: 'redirect', group: 'wallet', manualCapture: true },
  ach: { flow: 'delayed', group: 'bank', currencies: ['USD'] },
  wire: { flow: 'delayed', group: 'bank' },
  affirm: { flow: 'redirect', group: 'bnpl', manualCapture: true, currencies: ['USD'] },
  klarna: { flow: 'redirect', group: 'bnpl', manualCapture: true },
  bitcoin: { flow: 'delayed', group: 'crypto', enterpriseOnly: true },
  ethereum: { flow: 'delayed', group: 'crypto', enterpriseOnly: true },
} as const satisfies Record<string, PaymentCapabilities>

export type PaymentCapabilities = {
  flow: 'credit' | 'immediate' | 'redirect' | 'delayed'
  group: 'credit' | 'card' | 'wallet' | 'bank' | 'bnpl' | 'crypto'
  /** Nothing can be tried before a card is named; a device's wallet hands over the name of one. */
  needsToken?: true
  /** Its money can be held first and captured later. */
  manualCapture?: true
  /** Only these; left out, every currency. */
  currencies?: readonly string[]
  enterpriseOnly?: true
}

export type PaymentMethodName = keyof typeof PAYMENT_METHODS

/** Methods that move money at a payment provider: every one but `credit`. */
export const PAID_METHODS: readonly PaymentMethodName[] = Object.keys(PAYMENT_METHODS).filter(
  (name): name is PaymentMethodName => isPaymentMethod(name) && name !== 'credit',
)

export function isPaymentMethod(name: string): name is PaymentMethodName {
  return Object.hasOwn(PAYMENT_METHODS, name)
}

export function capabilitiesOf(name: PaymentMethodName): PaymentCapabilities {
  return PAYMENT_METHODS[name]
}

/** Whether a payment can be tried with this and nothing more. */
export function isTriedAtOnce(name: PaymentMethodName, token: string | null): boolean {
  const { flow, needsToken } = capabilitiesOf(name)
  return flow !== 'credit' && (token !== null || needsToken !== true)
}

const DAY_SECONDS = 86_400

/** How long the money of an order may take: days where a bank takes days. */
export function payWithinSeconds(name: PaymentMethodName): number {
  return capabilitiesOf(name).flow === 'delayed' ? 7 * DAY_SECONDS : DAY_SECONDS
}

export type MethodRefusal = 'enterprise_only' | 'currency' | 'manual_capture'

/** Why a method cannot be used so, or null. */
export function refuseMethod(
  name: PaymentMethodName,
  use: { plan: string; currency: string; manual: boolean },
): MethodRefusal | null {
  const { enterpriseOnly, currencies, manualCapture } = capabilitiesOf(name)
  if (enterpriseOnly === true && use.plan !== 'enterprise') return 'enterprise_only'
  if (currencies !== undefined && !currencies.includes(use.currency)) return 'currency'
  if (use.manual && manualCapture !== true) return 'manual_capture'
  return null
}
