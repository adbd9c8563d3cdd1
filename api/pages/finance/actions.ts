import type { ApiContext } from '../../context.ts'
import { readCreditForm } from './credit.ts'
import { readForm, type FormCall } from '../form-call.ts'
import type { SignedIn } from '../sign-in.ts'

type Fields = Readonly<Record<string, string | undefined>>

/** A form: the route of the API that it calls, what it sends there, and where its page goes on. */
type Action = {
  operationId: string
  body(fields: Fields): unknown
  next(params: Readonly<Record<string, string>>, answer: unknown): string
}

const backTo =
  (page: string) =>
  (done: string): Action['next'] =>
  ({ id = '' }) =>
    `${page.replace(':id', id)}?done=${done}`

const INVOICE = '/finance/invoices/:id'
const backToInvoice = backTo(INVOICE)
const CREDIT_NOTE = '/finance/credit-notes/:id'

/** Nobody named: to whom it always goes. */
function readSend({ recipients = '' }: Fields): unknown {
  const addresses = recipients.split(/[\s,;]+/).filter((address) => address !== '')
  return addresses.length === 0 ? {} : { recipients: addresses }
}

/** By the path that a form is sent to. */
export const FINANCE_ACTIONS: Readonly<Record<string, Action>> = {
  [`${INVOICE}/payments`]: {
    operationId: 'createReceivedPayment',
    body: ({ amount, reference, received_on, method }) => ({
      amount,
      reference,
      received_on,
      method,
    }),
    next: backToInvoice('received'),
  },
  [`${INVOICE}/payments/:payment_id/reversal`]: {
    operationId: 'reverseReceivedPayment',
    body: ({ reason, reversed_on }) => ({ reason, reversed_on }),
    next: backToInvoice('reversed'),
  },
  [`${INVOICE}/allocations`]: {
    operationId: 'allocateCash',
    body: ({ amount }) => ({ amount }),
    next: backToInvoice('allocated'),
  },
  [`${INVOICE}/send`]: {
    operationId: 'sendInvoice',
    body: readSend,
    next: backToInvoice('sent'),
  },
  [`${CREDIT_NOTE}/send`]: {
    operationId: 'sendCreditNote',
    body: readSend,
    next: backTo(CREDIT_NOTE)('sent'),
  },
  '/finance/reconciliation/reports': {
    operationId: 'reconcileLedger',
    body: () => undefined,
    next: () => '/finance/reconciliation#reports',
  },
  '/finance/day-close/:date/digest': {
    operationId: 'sendDayDigest',
    body: () => undefined,
    next: ({ date }) => `/finance/day-close?date=${date}`,
  },
  [`${INVOICE}/credit`]: {
    operationId: 'createCreditNote',
    body: readCreditForm,
    next: (_params, answer) => `/finance/credit-notes/${String(Reflect.get(Object(answer), 'id'))}`,
  },
}

/** Calls the route and leads on; the route judges the scope and everything that was typed. */
export async function carryOutForm(
  call: FormCall,
  ctx: ApiContext,
  { caller }: SignedIn,
  { operationId, body, next }: Action,
): Promise<Response> {
  const { key, ...fields } = await readForm(ctx)
  const params = ctx.req.param()
  const answer = await call(ctx, caller, { operationId, params, body: body(fields), key })
  return ctx.redirect(next(params, answer), 303)
}
