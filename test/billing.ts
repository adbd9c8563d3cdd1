import { openKeys } from '../cli/open-keys.ts'
import { createMailer } from '../activities/gateways/mailer.ts'
import { creditNoteActivities } from '../activities/credit-notes.ts'
import type { ActivityDeps } from '../activities/deps.ts'
import { invoiceActivities } from '../activities/invoices.ts'
import { inTransaction } from '../db/client.ts'
import { fulfillTransaction } from '../db/fulfillment.ts'
import { closePurchaseOrder } from '../db/purchase-orders.ts'
import { renderDocument } from '../documents/render.ts'
import { createLog } from '../log.ts'
import type { ServedApi } from './api/serve.ts'
import { importCodes, makeProduct, type TestAccount } from './factories.ts'

/** Billing without Temporal: the very activities that the workflows call, in the same order. */

type Order = { id: string; purchase_order: { id: string } }
export type TaxClass =
  'multi_purpose_voucher' | 'single_purpose_voucher' | 'digital_service' | 'goods' | 'fee'

/** What billing activities need; nobody outside is asked. */
export function billingDeps({
  database,
  config,
}: Pick<ServedApi, 'database' | 'config'>): ActivityDeps {
  return {
    database,
    keys: openKeys(database, config),
    log: createLog('test-billing', 'silent'),
    mailer: createMailer(config.mail),
    financePagesUrl: 'https://bark.example/finance',
    press: { print: renderDocument },
    payments: () => notUsed(),
    suppliers: () => notUsed(),
    stock: { took: () => undefined, close: () => Promise.resolve() },
    webhooks: { post: notUsed, close: notUsed },
  }
}

/** Closes a purchase order and bills it, as a rule with its documents and mails; answers its invoices. */
export async function billDay(
  api: Pick<ServedApi, 'database' | 'config'>,
  accountId: string,
  purchaseOrderId: string,
  { documents = true }: { documents?: boolean } = {},
): Promise<{ id: string; number: string }[]> {
  const { database } = api
  const key = { accountId, purchaseOrderId }
  await inTransaction(database.db, (tx) => closePurchaseOrder(tx, { ...key, early: true }))
  const activities = invoiceActivities(billingDeps(api))
  await activities.billPurchaseOrder(key)
  if (documents) {
    await activities.renderInvoices(key)
    await activities.sendInvoices(key)
  }
  return database.db
    .selectFrom('invoices')
    .select(['id', 'number'])
    .where('purchase_order_id', '=', purchaseOrderId)
    .orderBy('run')
    .orderBy('tax_group')
    .execute()
}

/** Issues every credit note of an account that waits for its number, as its workflow would. */
export async function issueCreditNotes(
  api: Pick<ServedApi, 'database' | 'config'>,
  accountId: string,
  { documents = true }: { documents?: boolean } = {},
): Promise<void> {
  const activities = creditNoteActivities(billingDeps(api))
  const pending = await api.database.db
    .selectFrom('credit_notes')
    .select('id')
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute()
  for (const { id } of pending) {
    const input = { accountId, creditNoteId: id }
    await activities.finalizeCreditNote(input)
    if (!documents) continue
    await activities.renderCreditNoteDocuments(input)
    await activities.sendCreditNote(input)
  }
}

/** Orders products from the own pool, each unit with its code; answers the last order. */
export async function placeOrder(
  api: Pick<ServedApi, 'database' | 'config' | 'client'>,
  account: TestAccount,
  customerId: string,
  items: { priceMinor: bigint; quantity: number; taxClass?: TaxClass; currency?: string }[],
): Promise<Order> {
  const { accountId } = account
  const lines = []
  for (const { priceMinor, quantity, ...more } of items) {
    const product = await makeProduct(api.database, accountId, {
      priceMinor,
      currency: 'EUR',
      ...more,
    })
    await importCodes(api.database, api.config.keys, account, { productId: product.id }, quantity)
    lines.push({ sku: product.sku, quantity })
  }
  const answer = await api
    .client(account.key)
    .post<Order>('/v2/transactions', { customer_id: customerId, items: lines })
  if (answer.status !== 201) throw new Error(answer.bytes.toString())
  await fulfillTransaction(api.database.pool, { accountId, transactionId: answer.body.id })
  return answer.body
}

function notUsed(): never {
  throw new Error('Billing asks nobody outside')
}
