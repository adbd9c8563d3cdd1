/** Every public id: prefix, underscore, 26 sortable characters (12 hex of ms, 14 hex of chance). */
export const ID_PREFIXES = {
  organization: 'org',
  account: 'acc',
  member: 'mbr',
  apiKey: 'key',
  customer: 'cust',
  address: 'addr',
  product: 'prod',
  variant: 'var',
  supplier: 'sup',
  supplierSku: 'ssku',
  claim: 'clm',
  sourcingAttempt: 'src',
  code: 'code',
  transaction: 'txn',
  order: 'ord',
  line: 'line',
  unit: 'unit',
  purchaseOrder: 'po',
  invoice: 'inv',
  invoiceLine: 'invl',
  creditNote: 'cn',
  journal: 'jrn',
  ledgerAccount: 'lac',
  receivedPayment: 'rcp',
  paymentReversal: 'rvs',
  cashAllocation: 'alc',
  paymentIntent: 'pi',
  payment: 'pay',
  paymentOperation: 'pop',
  refund: 're',
  dispute: 'dp',
  disputeFile: 'dfl',
  paymentReconciliation: 'rcn',
  paymentDifference: 'pdf',
  ledgerReconciliation: 'lrc',
  event: 'evt',
  webhook: 'whk',
  webhookSecret: 'whs',
  delivery: 'dlv',
  attempt: 'att',
  mail: 'mail',
  request: 'req',
} as const

export type IdKind = keyof typeof ID_PREFIXES

const SUFFIX = /^[0-9a-f]{26}$/

/**
 * Builds an id from a time and chance that the caller brings, because rules know neither clock nor
 * chance. `randomHex` holds at least 14 hex digits. The same form as `new_id()` in SQL.
 */
export function formatId(kind: IdKind, milliseconds: number, randomHex: string): string {
  return `${ID_PREFIXES[kind]}_${milliseconds.toString(16).padStart(12, '0')}${randomHex.slice(0, 14)}`
}

/** Whether a text has the form of such an id; anything else cannot exist and is a 404. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = `${ID_PREFIXES[kind]}_`
  return text.startsWith(prefix) && SUFFIX.test(text.slice(prefix.length))
}

/** `txn_X` for `ord_X`: one row, two names on the wire. */
export function orderIdOf(transactionId: string): string {
  return transactionId.replace(/^txn_/, 'ord_')
}

/** `pi_X` for `pay_X` or `pi_X`: one row, two names on the wire. */
export function paymentIntentIdOf(id: string): string {
  return id.replace(/^pay_/, 'pi_')
}

/** `ord_X` or `txn_X` to `txn_X`. */
export function transactionIdOf(orderOrTransactionId: string): string {
  return orderOrTransactionId.replace(/^ord_/, 'txn_')
}
