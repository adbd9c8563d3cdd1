import { randomUUID } from 'node:crypto'
import { fulfillTransaction } from '../../db/fulfillment.ts'
import type { Mode } from '../../domain/api-key.ts'
import type { ServedApi } from '../api/serve.ts'
import { billDay } from '../billing.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../factories.ts'

/** An account with something to show: an open purchase order and an invoiced one. */
export type Books = {
  account: TestAccount
  /** Every code of the account, in plain text: no page may hold one. */
  secrets: string[]
  /** USD: three cards of which two are delivered, and one more order. */
  open: { purchaseOrderId: string; transactionIds: string[] }
  /** EUR: closed, billed and mailed. */
  invoiced: {
    customerId: string
    purchaseOrderId: string
    transactionIds: string[]
    invoiceId: string
    number: string
  }
}

type Order = { id: string; purchase_order: { id: string } }

/** Keeps the books of a new account as the workflows would; no worker is needed. */
export async function keepBooks(api: ServedApi, mode: Mode = 'test'): Promise<Books> {
  const { database } = api
  const account = await makeAccount(database, { mode })
  const { accountId } = account
  const dollars = await makeProduct(database, accountId, { name: 'Card <b>20</b>', sku: 'CARD-20' })
  const euros = await makeProduct(database, accountId, { priceMinor: 1234n, currency: 'EUR' })
  const stock = { keys: api.config.keys, account }
  const secrets = [
    ...(await importCodes(database, stock.keys, stock.account, { productId: dollars.id }, 3)),
    ...(await importCodes(database, stock.keys, stock.account, { productId: euros.id }, 5)),
  ]
  const first = await makeCustomer(database, accountId, { company: '<img src=x onerror=alert(1)>' })
  const second = await makeCustomer(database, accountId, {
    company: 'Ηλιοτρόπιο Α.Ε.',
    timeZone: 'Europe/Athens',
  })
  const place = async (customerId: string, sku: string, quantity: number, reference: string) => {
    const answer = await api.client(account.key).post<Order>('/v2/transactions', {
      customer_id: customerId,
      client_reference: reference,
      items: [{ sku, quantity }],
    })
    if (answer.status !== 201) throw new Error(answer.bytes.toString())
    await fulfillTransaction(database.pool, { accountId, transactionId: answer.body.id })
    return answer.body
  }
  const billed = await place(second, euros.sku, 4, 'euros')
  const [invoice] = await billDay(api, accountId, billed.purchase_order.id)
  if (invoice === undefined) throw new Error('nothing was billed')
  const usd = [await place(first, dollars.sku, 1, '"quoted"')]
  usd.push(await place(first, dollars.sku, 3, randomUUID()))
  return {
    account,
    secrets,
    open: {
      purchaseOrderId: usd[0]?.purchase_order.id ?? '',
      transactionIds: usd.map(({ id }) => id),
    },
    invoiced: {
      customerId: second,
      purchaseOrderId: billed.purchase_order.id,
      transactionIds: [billed.id],
      invoiceId: invoice.id,
      number: invoice.number,
    },
  }
}
