import { Stripe } from 'stripe'
import { Agent, fetch as fetchWith } from 'undici'
import type { AuthorizeRequest, PaymentProvider } from './payment-provider.ts'
import { createRateLimiter } from './rate-limiter.ts'
import { readPayment, readRefund } from './stripe-answers.ts'
import { orNull, PAGE_MAX, type Calls } from './stripe-calls.ts'
import { disputeCalls, type DisputeCalls } from './stripe-disputes.ts'
import { payingWith } from './stripe-methods.ts'
import { outcomeOf, readDeclined } from './stripe-outcome.ts'
import { reportCalls, type ReportCalls } from './stripe-reports.ts'

const CONNECT_MS_MAX = 3_000
const WAIT_MS_MAX = 5_000 // for a place among the calls per second
const EXPAND = ['latest_charge.balance_transaction', 'payment_method']

export type StripeSettings = {
  secretKey: string
  /** Left out: Stripe itself. */
  url?: string
  callsPerSecondMax: number
  callMsMax: number
  /** The sandbox: one connected account per account of ours, whose clock each call brings. */
  sandbox: boolean
}

/**
 * The Stripe side of the port, on Stripe's own library, also for the sandbox. One HTTP request per
 * call (Stripe's Node client repeats a cut one by itself, its fetch client does not), one key per
 * operation, and nothing is retried.
 */
export function createStripeProvider(settings: StripeSettings): PaymentProvider {
  const agent = new Agent({
    connect: { timeout: CONNECT_MS_MAX },
    connections: 32,
    keepAliveTimeout: 1_000, // shorter than the server's, so that no call meets a closing socket
    headersTimeout: settings.callMsMax,
    bodyTimeout: settings.callMsMax,
  })
  const limiter = createRateLimiter(settings.callsPerSecondMax)
  const options: Calls['options'] = (account, key) => {
    const reference =
      account.reference ?? (settings.sandbox ? account.accountId.replace(/^acc_/, 'acct_') : null)
    return {
      ...(reference === null ? {} : { stripeAccount: reference }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...(settings.sandbox ? { headers: { 'X-Sandbox-Time': account.now.toISOString() } } : {}),
    }
  }
  const call: Calls['call'] = async (work, readRefused = () => null) => {
    if (!(await limiter.enter(WAIT_MS_MAX))) return { kind: 'busy', said: 'too many calls at once' }
    return outcomeOf(work, readRefused)
  }

  const calls: Calls = { stripe: openStripe(settings, agent), call, options }
  return {
    ...paymentCalls(calls),
    ...disputeCalls(calls),
    ...reportCalls(calls),
    close: () => agent.close(),
  }
}

function paymentCalls({
  stripe,
  call,
  options,
}: Calls): Omit<PaymentProvider, keyof DisputeCalls | keyof ReportCalls | 'close'> {
  return {
    authorize: (account, key, request) =>
      call(
        async () => readPayment(await authorize(stripe, request, options(account, key))),
        readDeclined,
      ),
    capture: (account, key, { providerId, amountMinor }) =>
      call(async () =>
        readPayment(
          await stripe.paymentIntents.capture(
            providerId,
            { amount_to_capture: Number(amountMinor), expand: EXPAND },
            options(account, key),
          ),
        ),
      ),
    cancel: (account, key, { providerId }) =>
      call(async () =>
        readPayment(
          await stripe.paymentIntents.cancel(providerId, { expand: EXPAND }, options(account, key)),
        ),
      ),
    refund: (account, key, { refundId, providerId, amountMinor }) =>
      call(async () =>
        readRefund(
          await stripe.refunds.create(
            {
              payment_intent: providerId,
              amount: Number(amountMinor),
              metadata: { bark_refund: refundId },
            },
            options(account, key),
          ),
        ),
      ),
    findPayment: async (account, by) =>
      orNull(
        await call(async () => {
          const found =
            'providerId' in by
              ? await stripe.paymentIntents.retrieve(
                  by.providerId,
                  { expand: EXPAND },
                  options(account),
                )
              : await searchPayment(stripe, by.paymentId, options(account))
          return found === undefined ? null : readPayment(found)
        }),
      ),
    findRefund: (account, { paymentProviderId, refundId }) =>
      call(async () => {
        const list = stripe.refunds.list(
          { payment_intent: paymentProviderId, limit: PAGE_MAX },
          options(account),
        )
        for await (const refund of list) {
          if (refund.metadata?.['bark_refund'] === refundId) return readRefund(refund)
        }
        return null
      }),
  }
}

function openStripe(settings: StripeSettings, agent: Agent): Stripe {
  const url = settings.url === undefined ? null : new URL(settings.url)
  return new Stripe(settings.secretKey, {
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: settings.callMsMax,
    httpClient: Stripe.createFetchHttpClient(throughAgent(agent)),
    ...(url === null
      ? {}
      : {
          host: url.hostname,
          port: url.port,
          protocol: url.protocol === 'https:' ? ('https' as const) : ('http' as const),
        }),
  })
}

/** undici's fetch with our connections. It is the `fetch` that Node has; only the types differ. */
function throughAgent(agent: Agent): typeof fetch {
  const through: unknown = (input: string, init: Parameters<typeof fetchWith>[1]) =>
    fetchWith(input, { ...init, dispatcher: agent })
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return through as typeof fetch
}

/** Makes the payment and confirms it in one call, or confirms the one that is there. */
async function authorize(
  stripe: Stripe,
  request: AuthorizeRequest,
  options: Stripe.RequestOptions,
): Promise<Stripe.PaymentIntent> {
  const paying = payingWith(request.instrument)
  const back = request.returnUrl === null ? {} : { return_url: request.returnUrl }
  if (request.providerId !== null) {
    return stripe.paymentIntents.confirm(
      request.providerId,
      { ...paying, ...back, expand: EXPAND },
      options,
    )
  }
  return stripe.paymentIntents.create(
    {
      amount: Number(request.amountMinor),
      currency: request.currency.toLowerCase(),
      capture_method: request.captureMethod,
      confirm: true,
      automatic_payment_methods: { enabled: true },
      metadata: { bark_payment: request.paymentId },
      ...paying,
      ...back,
      expand: EXPAND,
    },
    options,
  )
}

async function searchPayment(
  stripe: Stripe,
  paymentId: string,
  options: Stripe.RequestOptions,
): Promise<Stripe.PaymentIntent | undefined> {
  const { data } = await stripe.paymentIntents.search(
    {
      query: `metadata['bark_payment']:'${paymentId}'`,
      expand: EXPAND.map((field) => `data.${field}`),
    },
    options,
  )
  return data[0]
}
