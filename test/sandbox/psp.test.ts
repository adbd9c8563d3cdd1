import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Stripe from 'stripe'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../harness.ts'
import { startPspProcess, type PspProcess } from './psp-process.ts'

/** The official library against the sandbox, unchanged: only host, port and protocol are ours. */
let psp: PspProcess
let stripe: Stripe
let sink: Server
const heard: { body: string; signature: string }[] = []

const SECRET = 'whsec_sandbox'

beforeAll(async () => {
  psp = await startPspProcess()
  stripe = clientOf(psp)
  sink = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      heard.push({ body, signature: String(request.headers['stripe-signature']) })
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(sink, 'listening')
  await psp.register(`http://127.0.0.1:${(sink.address() as AddressInfo).port}/hook`)
})
afterAll(async () => {
  await psp.kill()
  sink.close()
})

function clientOf({ port }: PspProcess): Stripe {
  return new Stripe('sk_test_sandbox', {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
    // Node's own client repeats a call by itself when its connection is cut.
    httpClient: Stripe.createFetchHttpClient(),
    timeout: 5_000,
  })
}

const account = () => `acct_${randomUUID().replaceAll('-', '')}`

function pay(params: Partial<Stripe.PaymentIntentCreateParams> = {}, on = account(), key?: string) {
  return stripe.paymentIntents.create(
    { amount: 19_999, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, ...params },
    { stripeAccount: on, ...(key === undefined ? {} : { idempotencyKey: key }) },
  )
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => new Error('it was not refused'),
    (refused: unknown) => refused,
  )
  return error as Error
}

describe('the published cards', () => {
  test('4242 4242 4242 4242 is tokenized, pays, and stands in the ledger with its fee', async () => {
    const on = account()
    const method = await stripe.paymentMethods.create(
      {
        type: 'card',
        card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2040, cvc: '123' },
      },
      { stripeAccount: on },
    )
    expect(method.card).toMatchObject({ brand: 'visa', last4: '4242' })
    const intent = await pay({ payment_method: method.id }, on)
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 19_999, livemode: false })
    expect(await psp.ledger(on)).toMatchObject([
      { type: 'charge', amount: 19_999, fee: 610, net: 19_389, currency: 'usd' },
    ])
  })

  test.each([
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
  ])('%s is a StripeCardError with the intent inside', async (token, code, declineCode) => {
    const error = await errorOf(pay({ payment_method: token }))
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError)
    const refused = error as InstanceType<typeof Stripe.errors.StripeCardError>
    expect(refused).toMatchObject({ code, decline_code: declineCode, statusCode: 402 })
    expect(refused.payment_intent?.status).toBe('requires_payment_method')
  })

  test('4000 0027 6000 3184 asks for 3-D Secure, and a click on the page pays', async () => {
    const on = account()
    const intent = await pay({ payment_method: 'pm_card_authenticationRequired' }, on)
    expect(intent.status).toBe('requires_action')
    const url = intent.next_action?.redirect_to_url?.url ?? ''
    expect(await (await fetch(url)).text()).toContain('Confirm your payment')
    await fetch(url, { method: 'POST', body: new URLSearchParams({ answer: 'pass' }) })
    const after = await stripe.paymentIntents.retrieve(intent.id, {}, { stripeAccount: on })
    expect(after.status).toBe('succeeded')
  })

  test('3-D Secure is a StripeCardError where nobody could pass a page', async () => {
    const token = 'pm_card_authenticationRequired'
    const error = await errorOf(pay({ payment_method: token, error_on_requires_action: true }))
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError)
    expect(error).toMatchObject({ code: 'authentication_required' })
  })

  test('turned down on the page, the payment needs another method', async () => {
    const on = account()
    const intent = await pay({ payment_method: 'pm_card_authenticationRequired' }, on)
    await fetch(intent.next_action?.redirect_to_url?.url ?? '', {
      method: 'POST',
      body: new URLSearchParams({ answer: 'fail' }),
    })
    const after = await stripe.paymentIntents.retrieve(intent.id, {}, { stripeAccount: on })
    expect(after).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
    })
  })

  test('any other number is refused', async () => {
    const error = await errorOf(
      stripe.paymentMethods.create({
        type: 'card',
        card: { number: '4111111111111111', exp_month: 1, exp_year: 2040 },
      }),
    )
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError)
  })
})

describe('idempotency keys', () => {
  test('the same request under the same key has the same answer, and one charge', async () => {
    const [on, key] = [account(), randomUUID()]
    const first = await pay({}, on, key)
    const again = await pay({}, on, key)
    expect(again.id).toBe(first.id)
    expect(await psp.ledger(on)).toHaveLength(1)
  })

  test('other parameters under the same key are a StripeIdempotencyError', async () => {
    const [on, key] = [account(), randomUUID()]
    await pay({}, on, key)
    const error = await errorOf(pay({ amount: 1 }, on, key))
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError)
  })

  test('a decline is kept under its key, too', async () => {
    const [on, key] = [account(), randomUUID()]
    const declined = { payment_method: 'pm_card_visa_chargeDeclined' }
    await errorOf(pay(declined, on, key))
    expect(await errorOf(pay(declined, on, key))).toBeInstanceOf(Stripe.errors.StripeCardError)
    const { data } = await stripe.paymentIntents.list({}, { stripeAccount: on })
    expect(data).toHaveLength(1)
  })

  test('while the first one runs, the second is 409', async () => {
    const [on, key] = [account(), randomUUID()]
    await psp.plant(on, 'authorize', 'slow')
    const first = pay({}, on, key)
    const error = await eventually(
      () => errorOf(pay({}, on, key)),
      (seen) => 'statusCode' in seen,
    )
    expect(error).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' })
    expect((await first).status).toBe('succeeded')
  })
})

describe('faults happen once', () => {
  test.each([
    ['drop_before', Stripe.errors.StripeConnectionError],
    ['drop_after', Stripe.errors.StripeConnectionError],
    ['error_before', Stripe.errors.StripeAPIError],
  ])('%s: the same key then pays once', async (fault, kind) => {
    const [on, key] = [account(), randomUUID()]
    await psp.plant(on, 'authorize', fault)
    expect(await errorOf(pay({}, on, key))).toBeInstanceOf(kind)
    expect((await pay({}, on, key)).status).toBe('succeeded')
    expect(await psp.ledger(on)).toHaveLength(1)
  })

  test('error_after is kept under its key: only asking tells that it was paid', async () => {
    const [on, key] = [account(), randomUUID()]
    const metadata = { bark_payment: 'pi_1' }
    await psp.plant(on, 'authorize', 'error_after')
    await errorOf(pay({ metadata }, on, key))
    expect(await errorOf(pay({ metadata }, on, key))).toBeInstanceOf(Stripe.errors.StripeAPIError)
    const found = await stripe.paymentIntents.search(
      { query: "metadata['bark_payment']:'pi_1'" },
      { stripeAccount: on },
    )
    expect(found.data).toMatchObject([{ status: 'succeeded' }])
    expect(await psp.ledger(on)).toHaveLength(1)
  })

  test('a method plants its fault by itself, per payment', async () => {
    const [on, key] = [account(), randomUUID()]
    const params = {
      payment_method: 'pm_card_sandbox_timeoutAfter',
      metadata: { bark_payment: 'a' },
    }
    await errorOf(pay(params, on, key))
    expect((await pay(params, on, key)).status).toBe('succeeded')
  })
})

describe('what follows a payment', () => {
  test('a manual capture takes part of it, once, and releases the rest', async () => {
    const on = account()
    const held = await pay({ capture_method: 'manual' }, on)
    expect(held).toMatchObject({ status: 'requires_capture', amount_capturable: 19_999 })
    const captured = await stripe.paymentIntents.capture(
      held.id,
      { amount_to_capture: 5_000 },
      { stripeAccount: on },
    )
    expect(captured).toMatchObject({
      status: 'succeeded',
      amount_received: 5_000,
      amount_capturable: 0,
    })
    const again = await errorOf(stripe.paymentIntents.capture(held.id, {}, { stripeAccount: on }))
    expect(again).toMatchObject({ code: 'payment_intent_unexpected_state' })
    expect(await psp.ledger(on)).toMatchObject([{ amount: 5_000 }])
  })

  test('refunds never exceed what was captured', async () => {
    const on = account()
    const { id } = await pay({}, on)
    const refund = (amount: number) =>
      stripe.refunds.create({ payment_intent: id, amount }, { stripeAccount: on })
    await refund(10_000)
    expect(await errorOf(refund(10_000))).toMatchObject({ code: 'amount_too_large' })
    await refund(9_999)
    expect(await errorOf(refund(1))).toMatchObject({ code: 'charge_already_refunded' })
    const entries = await psp.ledger(on)
    expect(entries.reduce((sum, entry) => sum + entry.amount, 0)).toBe(0)
  })

  test('a refund that fails later gives its money back', async () => {
    const on = account()
    const { id } = await pay({ payment_method: 'pm_card_refundFail' }, on)
    const refund = await stripe.refunds.create({ payment_intent: id }, { stripeAccount: on })
    expect(refund.status).toBe('pending')
    const later = await stripe.refunds.retrieve(refund.id, {}, inDays(on, 6))
    expect(later).toMatchObject({ status: 'failed', failure_reason: 'expired_or_canceled_card' })
    expect((await psp.ledger(on)).map((entry) => entry.amount)).toEqual([19_999, -19_999, 19_999])
  })

  test('delayed money arrives, or does not, on the clock that the request brings', async () => {
    const on = account()
    const good = await pay({ payment_method: 'pm_us_bank_account' }, on)
    const bad = await pay({ payment_method: 'pm_us_bank_account_fails' }, on)
    expect([good.status, bad.status]).toEqual(['processing', 'processing'])
    const read = (id: string, days: number) =>
      stripe.paymentIntents.retrieve(id, {}, inDays(on, days))
    expect((await read(good.id, 2)).status).toBe('processing')
    expect((await read(good.id, 4)).status).toBe('succeeded')
    expect((await read(bad.id, 4)).status).toBe('requires_payment_method')
  })

  test('a dispute takes the money, and evidence decides it', async () => {
    const on = account()
    const { id } = await pay({ payment_method: 'pm_card_createDispute' }, on)
    const options = { stripeAccount: on }
    const [dispute] = (await stripe.disputes.list({ payment_intent: id }, options)).data
    expect(dispute).toMatchObject({
      status: 'needs_response',
      reason: 'fraudulent',
      amount: 19_999,
    })
    expect(await errorOf(stripe.refunds.create({ payment_intent: id }, options))).toMatchObject({
      code: 'charge_disputed',
    })
    const won = await stripe.disputes.update(
      dispute?.id ?? '',
      { evidence: { uncategorized_text: 'winning_evidence' } },
      options,
    )
    expect(won.status).toBe('won')
    expect((await psp.ledger(on)).map((entry) => entry.net)).toEqual([19_389, -21_499, 21_499])
  })
})

test('events are signed so that the official library accepts them, and only then', async () => {
  const on = account()
  const intent = await pay({}, on)
  const message = await eventually(
    () =>
      Promise.resolve(
        heard.find(
          ({ body }) => body.includes(intent.id) && body.includes('payment_intent.succeeded'),
        ),
      ),
    (found) => found !== undefined,
  )
  const { body, signature } = message ?? { body: '', signature: '' }
  const event = stripe.webhooks.constructEvent(body, signature, SECRET)
  expect(event).toMatchObject({ type: 'payment_intent.succeeded', account: on })
  expect(() => stripe.webhooks.constructEvent(`${body} `, signature, SECRET)).toThrow(
    'No signatures found',
  )
  const listed = await stripe.events.list({ limit: 100 }, { stripeAccount: on })
  expect(listed.data.map((each) => each.id)).toContain(event.id)
})

test('lists come in pages, the newest first, and the library walks them', async () => {
  const on = account()
  for (let amount = 101; amount <= 112; amount++) await pay({ amount }, on)
  const seen: number[] = []
  for await (const { amount } of stripe.balanceTransactions.list(
    { limit: 5 },
    { stripeAccount: on },
  )) {
    seen.push(amount)
  }
  expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => 112 - index))
})

test('an unknown parameter, a missing one and a stranger are named', async () => {
  const odd = { amont: 1 } as unknown as Stripe.PaymentIntentCreateParams
  expect(await errorOf(stripe.paymentIntents.create(odd))).toMatchObject({
    code: 'parameter_unknown',
    param: 'amont',
  })
  expect(await errorOf(stripe.paymentIntents.retrieve('pi_none'))).toMatchObject({
    code: 'resource_missing',
    statusCode: 404,
  })
})

test('what was answered is still there after a kill', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bark-psp-'))
  const data = join(folder, 'psp.json')
  const first = await startPspProcess({ data })
  const on = account()
  const key = randomUUID()
  const create = (client: Stripe) =>
    client.paymentIntents.create(
      { amount: 500, currency: 'eur', payment_method: 'pm_card_visa', confirm: true },
      { stripeAccount: on, idempotencyKey: key },
    )
  const { id } = await create(clientOf(first))
  await first.kill('SIGKILL')
  const second = await startPspProcess({ data })
  expect((await create(clientOf(second))).id).toBe(id)
  expect(await second.ledger(on)).toHaveLength(1)
  await second.kill()
  await rm(folder, { recursive: true })
})

function inDays(on: string, days: number): Stripe.RequestOptions {
  const at = new Date(Date.now() + days * 86_400_000).toISOString()
  return { stripeAccount: on, headers: { 'X-Sandbox-Time': at } }
}
