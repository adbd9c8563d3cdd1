import type {
  PaymentProvider,
  ProviderAccount,
  ProviderOutcome,
} from '../../activities/gateways/payment-provider.ts'

/**
 * `lost`: carried out, and nobody hears of it. `never`: cut before it arrived. `killed_before`,
 * `killed_after`: whoever made the call is dead.
 */
export type CallFault = 'lost' | 'never' | 'killed_before' | 'killed_after'

export type Call = {
  kind: 'authorize' | 'capture' | 'cancel' | 'refund' | 'respond' | 'accept' | 'ask'
  key: string | null
  at: Date
}

/** Whoever made the call is dead. */
export class Killed extends Error {}

/** The real adapter; each call meets what it is told to, before or after it was carried out. */
export function withFaults(
  provider: PaymentProvider,
  meeting: (accountId: string, call: Call) => CallFault | null,
): PaymentProvider {
  const meet = async <Value>(
    kind: Call['kind'],
    { now, accountId }: ProviderAccount,
    key: string | null,
    call: () => Promise<ProviderOutcome<Value>>,
  ): Promise<ProviderOutcome<Value>> => {
    const fault = meeting(accountId, { kind, key, at: now })
    if (fault === 'killed_before') throw new Killed()
    if (fault === 'never') return { kind: 'unknown', said: 'never arrived' }
    const outcome = await call()
    if (fault === 'killed_after') throw new Killed()
    return fault === 'lost' ? { kind: 'unknown', said: 'the reply was lost' } : outcome
  }
  return {
    ...provider,
    authorize: (on, key, asked) =>
      meet('authorize', on, key, () => provider.authorize(on, key, asked)),
    capture: (on, key, asked) => meet('capture', on, key, () => provider.capture(on, key, asked)),
    cancel: (on, key, asked) => meet('cancel', on, key, () => provider.cancel(on, key, asked)),
    refund: (on, key, asked) => meet('refund', on, key, () => provider.refund(on, key, asked)),
    submitEvidence: (on, key, asked) =>
      meet('respond', on, key, () => provider.submitEvidence(on, key, asked)),
    acceptDispute: (on, key, asked) =>
      meet('accept', on, key, () => provider.acceptDispute(on, key, asked)),
    findPayment: (on, by) => meet('ask', on, null, () => provider.findPayment(on, by)),
    findRefund: (on, by) => meet('ask', on, null, () => provider.findRefund(on, by)),
    findDispute: (on, by) => meet('ask', on, null, () => provider.findDispute(on, by)),
  }
}
