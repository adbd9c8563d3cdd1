import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PaymentProvider } from '../../activities/gateways/payment-provider.ts'
import { createRateLimiter } from '../../activities/gateways/rate-limiter.ts'
import { createStripeProvider } from '../../activities/gateways/stripe-provider.ts'
import { newId } from '../../new-id.ts'
import { startPspProcess, type PspProcess } from '../sandbox/psp-process.ts'
import { describeProvider, newAccount } from './provider-contract.ts'

let psp: PspProcess
let provider: PaymentProvider

beforeAll(async () => {
  psp = await startPspProcess()
  provider = openProvider(psp.url)
})
afterAll(async () => {
  await provider.close()
  await psp.kill()
})

const openProvider = (url: string, callsPerSecondMax = 200): PaymentProvider =>
  createStripeProvider({
    secretKey: 'sk_test_sandbox',
    url,
    callsPerSecondMax,
    callMsMax: 5_000,
    sandbox: true,
  })

describeProvider('stripe', () => ({
  provider,
  tokens: {
    good: 'pm_card_visa',
    declined: 'pm_card_visa_chargeDeclined',
    page: 'pm_card_authenticationRequired',
    disputed: 'pm_card_createDispute',
    winningText: 'winning_evidence',
  },
  loseReply: ({ accountId }, operation) =>
    psp.plant(accountId.replace(/^acc_/, 'acct_'), operation, 'drop_after'),
}))

test('nobody there is unknown, never an exception', async () => {
  const lost = openProvider('http://127.0.0.1:9')
  expect((await lost.findPayment(newAccount(), { paymentId: 'pi_x' })).kind).toBe('unknown')
  await lost.close()
})

test('what is more than its calls per second is busy at once, and never sent', async () => {
  const limited = openProvider(psp.url, 0.01)
  const account = newAccount()
  const asked = () => limited.findPayment(account, { paymentId: newId('payment') })
  expect((await asked()).kind).toBe('answered')
  expect((await asked()).kind).toBe('busy')
  await limited.close()
})

test('calls of a burst begin one interval apart, and a long queue says busy at once', async () => {
  const limiter = createRateLimiter(100)
  const startedMs = performance.now()
  const entered = await Promise.all(Array.from({ length: 21 }, () => limiter.enter(10_000)))
  expect(entered).toEqual(Array.from({ length: 21 }, () => true))
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190)
  const queue = createRateLimiter(1)
  await queue.enter(0)
  expect(await queue.enter(500)).toBe(false)
})
