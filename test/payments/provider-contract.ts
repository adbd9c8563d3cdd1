import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type {
  AuthorizeRequest,
  PaymentProvider,
  ProviderAccount,
  ProviderOutcome,
} from '../../activities/gateways/payment-provider.ts'
import { newId } from '../../new-id.ts'

type LosableCall = 'authorize' | 'capture' | 'refund' | 'respond'

/** What a provider's test brings: tokens that behave as told, and a way to lose a reply. */
export type ProviderWorld = {
  provider: PaymentProvider
  /** `winningText`: evidence that decides a dispute at once. */
  tokens: { good: string; declined: string; page: string; disputed: string; winningText: string }
  /** The reply of the account's next call of this kind is lost, after it took effect. */
  loseReply(account: ProviderAccount, operation: LosableCall): Promise<void>
}

/** What every provider behind the port must do; each test has an account of its own. */
export function describeProvider(name: string, world: () => ProviderWorld): void {
  const authorize = async (
    account: ProviderAccount,
    change: Partial<AuthorizeRequest> = {},
    key = randomUUID(),
  ) => {
    const { provider, tokens } = world()
    return provider.authorize(account, key, {
      paymentId: newId('transaction'),
      providerId: null,
      amountMinor: 10_000n,
      currency: 'USD',
      captureMethod: 'automatic',
      instrument: { token: tokens.good, method: 'card' },
      returnUrl: null,
      ...change,
    })
  }

  describe(`${name} behind the port`, () => {
    test('a good method pays, with its fee and its card', async () => {
      const paid = answered(await authorize(newAccount()))
      expect(paid).toMatchObject({
        state: 'succeeded',
        amountMinor: 10_000n,
        capturedMinor: 10_000n,
      })
      expect(paid.feeMinor).toBeGreaterThan(0n)
      expect(paid.card?.last4).toMatch(/^\d{4}$/)
    })

    test('a decline is a result with the payment in it, and another method may follow', async () => {
      const account = newAccount()
      const { declined, good } = world().tokens
      const refused = await authorize(account, { instrument: { token: declined, method: 'card' } })
      if (refused.kind !== 'declined') throw new Error(refused.kind)
      expect(refused.value?.state).toBe('requires_payment_method')
      const providerId = refused.value?.providerId ?? ''
      const instrument = { token: good, method: 'card' as const }
      expect(answered(await authorize(account, { providerId, instrument })).state).toBe('succeeded')
    })

    test('a page that the payer must pass is an address', async () => {
      const instrument = { token: world().tokens.page, method: 'card' as const }
      const waiting = answered(await authorize(newAccount(), { instrument }))
      expect(waiting.state).toBe('requires_action')
      expect(URL.canParse(waiting.actionUrl ?? '')).toBe(true)
    })

    test('a held amount is captured once, in part, under one key', async () => {
      const account = newAccount()
      const { provider } = world()
      const held = answered(await authorize(account, { captureMethod: 'manual' }))
      expect(held).toMatchObject({ state: 'requires_capture', capturableMinor: 10_000n })
      expect(held.captureBefore).toBeInstanceOf(Date)
      const capture = { providerId: held.providerId, amountMinor: 4_000n }
      const key = randomUUID()
      const first = answered(await provider.capture(account, key, capture))
      expect(answered(await provider.capture(account, key, capture))).toEqual(first)
      expect(first).toMatchObject({
        state: 'succeeded',
        capturedMinor: 4_000n,
        capturableMinor: 0n,
      })
      expect((await provider.capture(account, randomUUID(), capture)).kind).toBe('refused')
      expect(await captures(account)).toEqual([4_000n])
    })

    test('what is held can be let go', async () => {
      const account = newAccount()
      const { providerId } = answered(await authorize(account, { captureMethod: 'manual' }))
      const released = await world().provider.cancel(account, randomUUID(), { providerId })
      expect(answered(released)).toMatchObject({ state: 'cancelled', capturableMinor: 0n })
    })

    test('a lost authorization is unknown, asking finds it, and the same key pays once', async () => {
      const account = newAccount()
      const { provider, loseReply } = world()
      const [paymentId, key] = [newId('transaction'), randomUUID()]
      await loseReply(account, 'authorize')
      expect((await authorize(account, { paymentId }, key)).kind).toBe('unknown')
      expect(answered(await provider.findPayment(account, { paymentId }))?.state).toBe('succeeded')
      expect((await authorize(account, { paymentId }, key)).kind).toBe('answered')
      expect(await captures(account)).toHaveLength(1)
    })

    test('a lost capture likewise', async () => {
      const account = newAccount()
      const { provider, loseReply } = world()
      const { providerId } = answered(await authorize(account, { captureMethod: 'manual' }))
      const key = randomUUID()
      const capture = () => provider.capture(account, key, { providerId, amountMinor: 10_000n })
      await loseReply(account, 'capture')
      expect((await capture()).kind).toBe('unknown')
      const found = answered(await provider.findPayment(account, { providerId }))
      expect(found?.capturedMinor).toBe(10_000n)
      expect((await capture()).kind).toBe('answered')
      expect(await captures(account)).toEqual([10_000n])
    })

    test('a lost refund likewise', async () => {
      const account = newAccount()
      const { provider, loseReply } = world()
      const { providerId } = answered(await authorize(account))
      const [refundId, key] = [newId('transaction'), randomUUID()]
      const asked = { refundId, providerId, amountMinor: 10_000n }
      await loseReply(account, 'refund')
      expect((await provider.refund(account, key, asked)).kind).toBe('unknown')
      const by = { paymentProviderId: providerId, refundId }
      expect(answered(await provider.findRefund(account, by))?.amountMinor).toBe(10_000n)
      expect((await provider.refund(account, key, asked)).kind).toBe('answered')
      expect(await movements(account, 'refund')).toEqual([-10_000n])
    })

    test('what was never made is not found', async () => {
      const account = newAccount()
      const { provider } = world()
      expect(answered(await provider.findPayment(account, { paymentId: 'pi_none' }))).toBeNull()
      const { providerId } = answered(await authorize(account))
      const by = { paymentProviderId: providerId, refundId: 're_none' }
      expect(answered(await provider.findRefund(account, by))).toBeNull()
    })

    test('refunds end at what was captured', async () => {
      const account = newAccount()
      const { provider } = world()
      const { providerId } = answered(await authorize(account))
      const refund = (amountMinor: bigint) =>
        provider.refund(account, randomUUID(), {
          refundId: newId('transaction'),
          providerId,
          amountMinor,
        })
      expect(answered(await refund(6_000n))).toMatchObject({
        state: 'succeeded',
        amountMinor: 6_000n,
      })
      expect((await refund(4_001n)).kind).toBe('refused')
      expect(answered(await refund(4_000n)).state).toBe('succeeded')
    })

    describe('a dispute', () => {
      const dispute = async (account: ProviderAccount) => {
        const { provider, tokens } = world()
        const instrument = { token: tokens.disputed, method: 'card' as const }
        const { providerId } = answered(await authorize(account, { instrument }))
        const taken = (await listed(account)).find(({ kind }) => kind === 'dispute')
        const disputeProviderId = taken?.sourceId ?? ''
        const found = answered(await provider.findDispute(account, { disputeProviderId }))
        expect(found).toMatchObject({ state: 'needs_response', paymentProviderId: providerId })
        return { disputeProviderId, found }
      }

      test('is found with its deadline and what it took, and nothing else is', async () => {
        const account = newAccount()
        const { found } = await dispute(account)
        expect(found).toMatchObject({
          amountMinor: 10_000n,
          withdrawnMinor: 10_000n,
          returnedMinor: 0n,
          currency: 'USD',
        })
        expect(found?.feeMinor).toBeGreaterThan(0n)
        expect(found?.evidenceDueAt.getTime()).toBeGreaterThan(Date.now())
        const none = { disputeProviderId: 'dp_none' }
        expect(answered(await world().provider.findDispute(account, none))).toBeNull()
      })

      test('can be given up', async () => {
        const account = newAccount()
        const { disputeProviderId } = await dispute(account)
        const accepted = await world().provider.acceptDispute(account, randomUUID(), {
          disputeProviderId,
        })
        expect(answered(accepted)).toMatchObject({ state: 'lost', returnedMinor: 0n })
      })

      test('takes texts and papers once, also when the reply is lost', async () => {
        const account = newAccount()
        const { provider, tokens, loseReply } = world()
        const { disputeProviderId } = await dispute(account)
        const paper = answered(
          await provider.uploadEvidence(account, {
            name: 'delivery.pdf',
            media: 'application/pdf',
            content: Buffer.from('%PDF-1.7 delivered'),
          }),
        )
        const evidence = {
          texts: { transaction_details: tokens.winningText },
          files: { shipping_proof: paper.providerId },
        }
        const key = randomUUID()
        const submit = () => provider.submitEvidence(account, key, { disputeProviderId, evidence })
        await loseReply(account, 'respond')
        expect((await submit()).kind).toBe('unknown')
        expect(answered(await submit())).toMatchObject({
          state: 'won',
          returnedMinor: 10_000n,
          withdrawnMinor: 10_000n,
        })
        const again = { disputeProviderId, evidence }
        expect((await provider.submitEvidence(account, randomUUID(), again)).kind).toBe('refused')
        expect(await movements(account, 'dispute_won')).toEqual([10_000n])
      })
    })
  })

  async function listed(account: ProviderAccount) {
    const range = { from: new Date(0), before: new Date(Date.now() + 86_400_000), after: null }
    return answered(await world().provider.listMovements(account, range)).rows
  }
  async function movements(account: ProviderAccount, kind: string): Promise<bigint[]> {
    return (await listed(account))
      .filter((each) => each.kind === kind)
      .map((each) => each.amountMinor)
  }
  const captures = (account: ProviderAccount) => movements(account, 'capture')
}

export function newAccount(): ProviderAccount {
  return { accountId: newId('account'), reference: null, now: new Date() }
}

/** The value of a call that was carried out; anything else fails the test with what it was. */
export function answered<Value>(outcome: ProviderOutcome<Value>): Value {
  if (outcome.kind === 'answered') return outcome.value
  throw new Error(
    `not answered: ${JSON.stringify(outcome, (_, part) => (typeof part === 'bigint' ? `${part}` : part))}`,
  )
}
