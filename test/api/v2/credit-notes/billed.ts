import type { ServedApi } from '../../serve.ts'
import type { TestClient } from '../../client.ts'
import { billDay, placeOrder } from '../../../billing.ts'
import { makeAccount, makeCustomer, type TestAccount } from '../../../factories.ts'

export type CreditNote = {
  id: string
  number: string | null
  status: string
  subtotal_minor: number
  tax_minor: number
  total_minor: number
  lines: { sku: string; quantity: number; net_minor: number }[]
  documents: { format: string; url: string }[]
  sent_at: string | null
}

/** An account with an invoice of three taxed units at 10.00 EUR. */
export type Billed = {
  account: TestAccount
  client: TestClient
  customerId: string
  invoiceId: string
  number: string
}

/** Each call makes an account of its own. */
export async function createBilled(
  api: Pick<ServedApi, 'database' | 'config' | 'client'>,
): Promise<Billed> {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const order = await placeOrder(api, account, customerId, [
    { priceMinor: 1_000n, quantity: 3, taxClass: 'fee' },
  ])
  const [invoice] = await billDay(api, account.accountId, order.purchase_order.id, {
    documents: false,
  })
  if (invoice === undefined) throw new Error('nothing was billed')
  const client = api.client(account.key)
  return { account, client, customerId, invoiceId: invoice.id, number: invoice.number }
}
