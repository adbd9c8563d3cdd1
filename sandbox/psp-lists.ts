import type { Desk } from './psp-desk.ts'
import { readDispute } from './psp-disputes.ts'
import { PspFailure } from './psp-failure.ts'
import { plainText, requireKnown, textOf, type Params } from './psp-form.ts'
import { currentMethod } from './psp-intents.ts'
import {
  printBalanceTransaction,
  printCharge,
  printIntent,
  printMethod,
  printPayout,
  printRefund,
  type Intent,
} from './psp-objects.ts'

/** Lists, searches and expanded objects, as Stripe prints them. */

const LIMIT_DEFAULT = 10
const LIMIT_MAX = 100

/** The parameters that every list knows. */
export const PAGE = ['limit', 'starting_after', 'ending_before', 'expand', 'created', 'page']

/** A page of a list, the newest first, of what was created in the range that is asked for. */
export function page<Row extends { id: string; created: number }>(
  url: string,
  rows: Row[],
  params: Params,
  print: (row: Row) => object,
): object {
  const within = createdWithin(params)
  const limit = Number(textOf(params, 'limit') ?? LIMIT_DEFAULT)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    throw PspFailure.invalid(`limit must be from 1 to ${LIMIT_MAX}`, 'limit')
  }
  const newest = rows.filter(within).toReversed()
  const after = textOf(params, 'starting_after')
  const before = textOf(params, 'ending_before')
  const at = newest.findIndex((row) => row.id === (after ?? before))
  if ((after ?? before) !== null && at === -1)
    throw PspFailure.missing('object', after ?? before ?? '')
  const from = before === null ? at + 1 : Math.max(0, at - limit)
  const to = before === null ? from + limit : at
  return {
    object: 'list',
    url,
    has_more: before === null ? to < newest.length : from > 0,
    data: newest.slice(from, to).map(print),
  }
}

function createdWithin(params: Params): (row: { created: number }) => boolean {
  const range = params['created']
  if (typeof range !== 'object') return () => true
  requireKnown(range, ['gt', 'gte', 'lt', 'lte'])
  const bound = (name: string, otherwise: number) => Number(textOf(range, name) ?? otherwise)
  const from = Math.max(bound('gte', -Infinity), bound('gt', -Infinity) + 1)
  const to = Math.min(bound('lte', Infinity), bound('lt', Infinity) - 1)
  return ({ created }) => created >= from && created <= to
}

/** `metadata['name']:'value'`: the one query that is understood. */
export function search(intents: Intent[], query: string): Intent[] {
  const match = /^metadata\['([\w-]+)'\]:'([^']*)'$/.exec(query)
  if (match === null)
    throw PspFailure.invalid("Only metadata['name']:'value' is known here", 'query')
  const [, name = '', value] = match
  return intents.filter((intent) => intent.metadata[name] === value)
}

export function wants(params: Params, field: string): boolean {
  const asked = params['expand']
  if (typeof asked !== 'object') return false
  return Object.values(asked).some(
    (each) => each === field || plainText(each).startsWith(`${field}.`),
  )
}

export function expand(desk: Desk, intent: Intent, params: Params): object {
  const printed = printIntent(intent)
  const field = (name: string) => wants(params, name) || wants(params, `data.${name}`)
  const charge =
    intent.latest_charge === null ? undefined : desk.find('charge', intent.latest_charge)
  const method = currentMethod(desk, intent)
  const entry =
    charge?.balance_transaction === null || charge === undefined
      ? undefined
      : desk.find('balance_transaction', charge.balance_transaction)
  const printedCharge = charge === undefined ? null : printCharge(charge)
  return {
    ...printed,
    ...(field('payment_method') && method !== undefined
      ? { payment_method: printMethod(method) }
      : {}),
    ...(field('latest_charge') && printedCharge !== null
      ? {
          latest_charge:
            field('latest_charge.balance_transaction') && entry !== undefined
              ? { ...printedCharge, balance_transaction: printBalanceTransaction(entry) }
              : printedCharge,
        }
      : {}),
  }
}

export function sourceOf(desk: Desk, id: string): object | string {
  const charge = desk.find('charge', id)
  if (charge !== undefined) return printCharge(charge)
  const refund = desk.find('refund', id)
  if (refund !== undefined) return printRefund(refund)
  const dispute = desk.find('dispute', id)
  if (dispute !== undefined) return readDispute(desk, dispute)
  const payout = desk.find('payout', id)
  return payout === undefined ? id : printPayout(payout)
}

export function balanceOf(desk: Desk): object {
  const sums = new Map<string, number>()
  for (const { currency, net } of desk.list('balance_transaction')) {
    sums.set(currency, (sums.get(currency) ?? 0) + net)
  }
  const available = [...sums].map(([currency, amount]) => ({ amount, currency, source_types: {} }))
  return { object: 'balance', available, pending: [], livemode: false }
}
