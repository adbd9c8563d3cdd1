/** What an organization has bought. `sandbox` is what `npm start` gives: limits that do not bite. */
export type Plan = 'free' | 'starter' | 'professional' | 'enterprise' | 'sandbox'

/** What a plan may allow beyond the number of requests. */
export type Feature = 'crypto_payments' | 'address_allow_list'

/** How many requests a class may make; null is no limit. Hours and days are fixed, in UTC. */
export type RequestLimits = {
  perSecond: number
  perHour: number | null
  perDay: number | null
}

export type RateClass = 'read' | 'write'

/** Every GET is a read. */
type Entitlements = {
  perSecond: Readonly<Record<RateClass, number>>
  perHour: number | null
  perDay: number | null
  features: readonly Feature[]
}

const PER_SECOND = {
  read: 10, // the sources: "10 requests per second" for data retrieval
  write: 100, // ten times a person's pace; the plan's hour ends a flood
} as const

/** The one place that says which plan has what. The figures are those of the published reference. */
export const PLANS: Readonly<Record<Plan, Entitlements>> = {
  free: { perSecond: PER_SECOND, perHour: 100, perDay: 1_000, features: [] },
  starter: { perSecond: PER_SECOND, perHour: 1_000, perDay: 10_000, features: [] },
  professional: { perSecond: PER_SECOND, perHour: 5_000, perDay: 100_000, features: [] },
  // "Custom": without windows of its own, an organization's row may set some.
  enterprise: {
    perSecond: PER_SECOND,
    perHour: null,
    perDay: null,
    features: ['crypto_payments', 'address_allow_list'],
  },
  sandbox: {
    perSecond: { read: 5_000, write: 5_000 },
    perHour: null,
    perDay: null,
    features: ['crypto_payments', 'address_allow_list'],
  },
}

/** What was agreed instead of the plan's own figures; null where nothing was. */
export type AgreedLimits = { [Limit in keyof RequestLimits]: number | null }

/** The limits of a key: what was agreed for it and its organization, else those of the plan. */
export function requestLimits(
  plan: Plan,
  rateClass: RateClass,
  agreed: AgreedLimits,
): RequestLimits {
  const own = PLANS[plan]
  return {
    perSecond: agreed.perSecond ?? own.perSecond[rateClass],
    perHour: agreed.perHour ?? own.perHour,
    perDay: agreed.perDay ?? own.perDay,
  }
}
