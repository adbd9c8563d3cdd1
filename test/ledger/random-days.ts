import fc from 'fast-check'
import { sql } from 'kysely'
import { inTransaction } from '../../db/client.ts'
import { requestCreditNotes } from '../../db/credit-notes.ts'
import { fulfillTransaction, requestCancelRemaining } from '../../db/fulfillment.ts'
import { scheduleInvoiceRun } from '../../db/invoice-runs.ts'
import { insertReversal } from '../../db/received-payment-reversals.ts'
import { allocateCash, insertReceivedPayment } from '../../db/received-payments.ts'
import { invoiceRunActivities } from '../../activities/invoice-runs.ts'
import { DomainError } from '../../domain/error.ts'
import { newId } from '../../new-id.ts'
import type { ServedApi } from '../api/serve.ts'
import { billDay, billingDeps, issueCreditNotes } from '../billing.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../factories.ts'

/** Random days of a desk: orders, stock, cancellations, closes, later runs, credit notes, payments. */

/** An account with products of each kind of tax: not enough codes for every order of a long day. */
export type Desk = {
  api: ServedApi
  account: TestAccount
  customers: string[]
  products: { id: string; sku: string }[]
}

export async function openDesk(api: ServedApi): Promise<Desk> {
  const account = await makeAccount(api.database, { currency: 'EUR' })
  const { accountId } = account
  const customers = [
    await makeCustomer(api.database, accountId),
    await makeCustomer(api.database, accountId),
    await makeCustomer(api.database, accountId, { billOn: 'acceptance' }),
  ]
  // Without an address there would be no e-invoice.
  const address = {
    kind: 'billing',
    street: 'Hafenstr. 2',
    city: 'Kiel',
    zip: '24103',
    country: 'DE',
  }
  await sql`update customers set addresses = ${JSON.stringify([address])}::jsonb
    where account_id = ${accountId}`.execute(api.database.db)
  const kinds = [
    { priceMinor: 1003n, taxClass: 'single_purpose_voucher' as const },
    { priceMinor: 777n, taxClass: 'digital_service' as const },
    { priceMinor: 2500n, taxClass: 'multi_purpose_voucher' as const },
    { priceMinor: 1n, taxClass: 'fee' as const },
  ]
  const products: Desk['products'] = []
  for (const kind of kinds) {
    products.push(await makeProduct(api.database, accountId, { ...kind, currency: 'EUR' }))
  }
  return { api, account, customers, products }
}

export type Act =
  | { act: 'order'; who: number; what: number[] }
  | { act: 'stock'; product: number; quantity: number }
  | { act: 'fulfill' | 'cancel' | 'bill' | 'run'; pick: number }
  | { act: 'pay' | 'allocate' | 'credit' | 'reverse'; pick: number; percent: number }

const KINDS_MAX = 3 // the last of the products

export const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('order' as const),
      who: fc.nat(2),
      what: fc.array(fc.nat(KINDS_MAX), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('stock' as const),
      product: fc.nat(KINDS_MAX),
      quantity: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constantFrom(
        'fulfill' as const,
        'fulfill' as const,
        'cancel' as const,
        'bill' as const,
        'run' as const,
      ),
      pick: fc.nat(9),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constantFrom(
        'pay' as const,
        'allocate' as const,
        'credit' as const,
        'reverse' as const,
      ),
      pick: fc.nat(9),
      percent: fc.integer({ min: 1, max: 150 }),
    }),
  },
)

async function idsOf(
  { api, account: { accountId } }: Desk,
  table: 'transactions' | 'purchase_orders' | 'invoices' | 'invoice_runs',
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from ${sql.table(table)}
    where account_id = ${accountId} order by id`.execute(api.database.db)
  return rows.map((row) => row.id)
}

/** One act; one that is refused changes nothing. */
export async function play(desk: Desk, step: Act): Promise<void> {
  const { api, account, products } = desk
  const { database } = api
  const { accountId } = account
  const pick = async (table: Parameters<typeof idsOf>[1], n: number) => {
    const ids = await idsOf(desk, table)
    return ids[n % Math.max(ids.length, 1)]
  }
  if (step.act === 'stock') {
    const product = { productId: products[step.product]?.id ?? '' }
    await importCodes(database, api.config.keys, account, product, step.quantity)
  } else if (step.act === 'order') {
    await api.client(account.key).post('/v2/transactions', {
      customer_id: desk.customers[step.who],
      items: step.what.map((index) => ({ sku: products[index]?.sku, quantity: 1 + index })),
    })
  } else if (step.act === 'fulfill' || step.act === 'cancel') {
    const transactionId = await pick('transactions', step.pick)
    if (transactionId === undefined) return
    const key = { accountId, transactionId }
    if (step.act === 'cancel') {
      await inTransaction(database.db, (tx) => requestCancelRemaining(tx, key))
    }
    await fulfillTransaction(database.pool, key)
  } else if ('percent' in step) {
    const invoiceId = await pick('invoices', step.pick)
    if (invoiceId !== undefined) await settle(desk, invoiceId, step)
  } else if (step.act === 'run') {
    const invoiceRunId = await pick('invoice_runs', step.pick)
    if (invoiceRunId === undefined) return
    await invoiceRunActivities(billingDeps(api)).billInvoiceRun({ accountId, invoiceRunId })
  } else {
    const id = await pick('purchase_orders', step.pick)
    if (id === undefined) return
    await billDay(api, accountId, id, { documents: false })
    const key = { accountId, purchaseOrderId: id }
    await inTransaction(database.db, (tx) => scheduleInvoiceRun(tx, key))
  }
}

async function settle(
  { api, account: { accountId } }: Desk,
  invoiceId: string,
  step: Extract<Act, { percent: number }>,
): Promise<void> {
  const key = { accountId, invoiceId }
  await inTransaction(api.database.db, async (tx) => {
    if (step.act === 'credit') {
      const { rows } = await sql<{ id: string }>`select u.id from units u
        join invoice_lines l on l.id = u.invoice_line_id
        where l.invoice_id = ${invoiceId} and u.state = 'allocated' order by u.id limit 1`.execute(
        tx,
      )
      const units = rows.map((row) => ({ unitId: row.id }))
      if (units.length === 0) return
      await requestCreditNotes(tx, { accountId, key: newId('request'), reason: 'x', units })
    } else if (step.act === 'reverse') {
      const { rows } = await sql<{ id: string }>`select id from received_payments p
        where invoice_id = ${invoiceId} and not exists (select 1 from received_payment_reversals r
          where r.received_payment_id = p.id) order by id limit 1`.execute(tx)
      const id = newId('paymentReversal')
      const reversal = { ...key, id, reason: 'x', reversedOn: '2026-11-23' }
      for (const row of rows) await insertReversal(tx, { ...reversal, receivedPaymentId: row.id })
    } else {
      const { rows } = await sql<{ total: bigint }>`select total_minor as total from invoices
        where id = ${invoiceId}`.execute(tx)
      const amountMinor = ((rows[0]?.total ?? 100n) * BigInt(step.percent)) / 100n
      const id = newId('receivedPayment')
      if (step.act === 'allocate') await allocateCash(tx, { ...key, id, amountMinor })
      else {
        await insertReceivedPayment(tx, {
          ...key,
          id,
          amountMinor,
          method: 'bank_transfer',
          reference: id,
          receivedOn: '2026-11-22',
        })
      }
    }
  }).catch((error: unknown) => {
    if (!(error instanceof DomainError)) throw error // refused: nothing may have changed
  })
  if (step.act === 'credit') await issueCreditNotes(api, accountId, { documents: false })
}
