import { TEST_BEHAVIOURS } from '../domain/test-card.ts'
import { faultOf, type Desk } from './psp-desk.ts'
import { BALANCE_ROUTES } from './psp-balance-routes.ts'
import { createRefund } from './psp-charges.ts'
import { DISPUTE_ROUTES } from './psp-dispute-routes.ts'
import { requireText, textOf } from './psp-form.ts'
import {
  cancelIntent,
  captureIntent,
  confirmIntent,
  createIntent,
  currentMethod,
} from './psp-intents.ts'
import { expand, page, PAGE, search } from './psp-lists.ts'
import { createMethod, tokenOf } from './psp-methods.ts'
import { printCharge, printEvent, printMethod, printRefund } from './psp-objects.ts'
import type { PspRoute } from './psp-route.ts'

const INTENT_PARAMS = [
  'payment_method',
  'payment_method_data',
  'return_url',
  'error_on_requires_action',
  'expand',
]

function plannedOn(operation: 'capture' | 'refund', desk: Desk, intentId: string) {
  const intent = desk.find('payment_intent', intentId)
  if (intent === undefined) return null
  const fault = faultOf(currentMethod(desk, intent), operation)
  return fault === undefined ? null : { name: `${intent.id} ${operation}`, fault }
}

export const PSP_ROUTES: readonly PspRoute[] = [
  {
    method: 'POST',
    path: '/v1/payment_methods',
    known: ['type', 'card', 'billing_details', 'metadata', 'expand'],
    run: (desk, params) => printMethod(createMethod(desk, params)),
  },
  {
    method: 'GET',
    path: '/v1/payment_methods/:id',
    known: ['expand'],
    run: (desk, _params, id) => printMethod(desk.get('payment_method', id)),
  },
  {
    method: 'POST',
    path: '/v1/payment_intents',
    operation: 'authorize',
    known: [
      ...INTENT_PARAMS,
      'amount',
      'currency',
      'capture_method',
      'confirm',
      'metadata',
      'description',
      'payment_method_types',
      'automatic_payment_methods',
      'statement_descriptor_suffix',
    ],
    run: (desk, params) => expand(desk, createIntent(desk, params), params),
    fault(desk, params) {
      const fault = TEST_BEHAVIOURS[tokenOf(desk, params)]?.faults?.authorize
      const payment = params['metadata']
      const name = typeof payment === 'object' ? textOf(payment, 'bark_payment') : null
      return fault === undefined ? null : { name: `${name ?? 'any'} authorize`, fault }
    },
  },
  {
    method: 'GET',
    path: '/v1/payment_intents',
    known: PAGE,
    run: (desk, params) =>
      page('/v1/payment_intents', desk.list('payment_intent'), params, (intent) =>
        expand(desk, intent, params),
      ),
  },
  {
    method: 'GET',
    path: '/v1/payment_intents/search',
    known: ['query', 'limit', 'page', 'expand'],
    run(desk, params) {
      const found = search(desk.list('payment_intent'), requireText(params, 'query'))
      return {
        object: 'search_result',
        url: '/v1/payment_intents/search',
        has_more: false,
        next_page: null,
        data: found.map((intent) => expand(desk, intent, params)),
      }
    },
  },
  {
    method: 'GET',
    path: '/v1/payment_intents/:id',
    known: ['expand', 'client_secret'],
    run: (desk, params, id) => expand(desk, desk.get('payment_intent', id), params),
  },
  {
    method: 'POST',
    path: '/v1/payment_intents/:id/confirm',
    operation: 'authorize',
    known: INTENT_PARAMS,
    run: (desk, params, id) =>
      expand(desk, confirmIntent(desk, desk.get('payment_intent', id), params), params),
  },
  {
    method: 'POST',
    path: '/v1/payment_intents/:id/capture',
    operation: 'capture',
    known: ['amount_to_capture', 'metadata', 'expand'],
    run: (desk, params, id) =>
      expand(desk, captureIntent(desk, desk.get('payment_intent', id), params), params),
    fault: (desk, _params, id) => plannedOn('capture', desk, id),
  },
  {
    method: 'POST',
    path: '/v1/payment_intents/:id/cancel',
    operation: 'cancel',
    known: ['cancellation_reason', 'expand'],
    run: (desk, params, id) =>
      expand(
        desk,
        cancelIntent(desk, desk.get('payment_intent', id), textOf(params, 'cancellation_reason')),
        params,
      ),
  },
  {
    method: 'POST',
    path: '/v1/refunds',
    operation: 'refund',
    known: ['payment_intent', 'amount', 'reason', 'metadata', 'refund_application_fee', 'expand'],
    run: (desk, params) => printRefund(createRefund(desk, params)),
    fault: (desk, params) => plannedOn('refund', desk, textOf(params, 'payment_intent') ?? ''),
  },
  {
    method: 'GET',
    path: '/v1/refunds',
    known: [...PAGE, 'payment_intent', 'charge'],
    run(desk, params) {
      const of = textOf(params, 'payment_intent')
      const rows = desk.list('refund').filter((row) => of === null || row.payment_intent === of)
      return page('/v1/refunds', rows, params, printRefund)
    },
  },
  {
    method: 'GET',
    path: '/v1/refunds/:id',
    known: ['expand'],
    run: (desk, _params, id) => printRefund(desk.get('refund', id)),
  },
  {
    method: 'GET',
    path: '/v1/charges/:id',
    known: ['expand'],
    run: (desk, _params, id) => printCharge(desk.get('charge', id)),
  },
  ...DISPUTE_ROUTES,
  ...BALANCE_ROUTES,
  {
    method: 'GET',
    path: '/v1/events',
    known: [...PAGE, 'type', 'types'],
    run: (desk, params) => page('/v1/events', desk.list('event'), params, printEvent),
  },
  {
    method: 'GET',
    path: '/v1/events/:id',
    known: ['expand'],
    run: (desk, _params, id) => printEvent(desk.get('event', id)),
  },
]
