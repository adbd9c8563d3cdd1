import type { Stripe } from 'stripe'
import type { ProviderAccount, ProviderOutcome } from './payment-provider.ts'

/** What every call to Stripe is made with. */
export type Calls = {
  stripe: Stripe
  options(account: ProviderAccount, key?: string): Stripe.RequestOptions
  /** One call in its turn; `readRefused` finds the value that a decline carries. */
  call<Value>(
    work: () => Promise<Value>,
    readRefused?: (error: unknown) => Value | null,
  ): Promise<ProviderOutcome<Value>>
}

/** Rows of one page: the most that Stripe gives. */
export const PAGE_MAX = 100

/** What Stripe does not have is an answer, and no refusal. */
export function orNull<Value>(outcome: ProviderOutcome<Value>): ProviderOutcome<Value | null> {
  const isMissing = outcome.kind === 'refused' && outcome.problem.code === 'resource_missing'
  return isMissing ? { kind: 'answered', value: null } : outcome
}
