import type { Stripe } from 'stripe'
import type { PaymentMethodName } from '../../domain/payment-method.ts'
import type { Instrument } from './payment-provider.ts'

/** Stripe's name of each method. */
const STRIPE_TYPES: Readonly<Record<PaymentMethodName, string>> = {
  credit: '',
  card: 'card',
  apple_pay: 'card',
  google_pay: 'card',
  paypal: 'paypal',
  ach: 'us_bank_account',
  wire: 'customer_balance',
  affirm: 'affirm',
  klarna: 'klarna',
  bitcoin: 'crypto',
  ethereum: 'crypto',
}

function stripeType({ method }: Instrument): string {
  return STRIPE_TYPES[method]
}

type Paying = Pick<Stripe.PaymentIntentCreateParams, 'payment_method' | 'payment_method_data'>

/** The parameters that say what a payer pays with. */
export function payingWith(instrument: Instrument): Paying {
  if (instrument.token !== null) return { payment_method: instrument.token }
  return { payment_method_data: dataOf(stripeType(instrument)) }
}

/** Methods without a token are named by their type alone. */
function dataOf(type: string): NonNullable<Paying['payment_method_data']> {
  switch (type) {
    case 'paypal':
    case 'us_bank_account':
    case 'customer_balance':
    case 'affirm':
    case 'klarna':
    case 'crypto':
      return { type }
    default:
      throw new Error(`A payment by ${type} needs a token`)
  }
}
