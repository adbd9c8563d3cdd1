import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { requestCreditNotes } from '../../db/credit-notes.ts'
import { fulfillTransaction, requestCancelRemaining } from '../../db/fulfillment.ts'
import { allocateCash, insertReceivedPayment } from '../../db/received-payments.ts'
import { insertReversal } from '../../db/received-payment-reversals.ts'
import { reconcile, reconcileWithin } from '../../db/reconciliation.ts'
import { DomainError } from '../../domain/error.ts'
import { newId } from '../../new-id.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { billDay, issueCreditNotes } from '../billing.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../factories.ts'

let api: ServedApi

beforeAll(async () => {
  api = await serveApi('reconciliation')
})
afterAll(() => api.stop())

/** Random days to play; more on request. */
const RUNS = Number(process.env['LEDGER_DAYS'] ?? 6)

/** An account with a taxed product and some codes: not enough for every order of a long day. */
type Desk = { account: TestAccount; customers: string[]; sku: string; productId: string }

async function openDesk(): Promise<Desk> {
  const account = await makeAccount(api.database, { currency: 'EUR' })
  const { accountId } = account
  const customers = [
    await makeCustomer(api.database, accountId),
    await makeCustomer(api.database, accountId),
    await makeCustomer(api.database, accountId, { billOn: 'acceptance' }),
  ]
  const product = await makeProduct(api.database, accountId, {
    priceMinor: 1003n,
    currency: 'EUR',
    taxClass: 'single_purpose_voucher',
  })
  return { account, customers, sku: product.sku, productId: product.id }
}

type Act =
  | { act: 'order'; who: number; quantity: number }
  | { act: 'stock'; quantity: number }
  | { act: 'fulfill' | 'cancel' | 'bill'; pick: number }
  | { act: 'pay' | 'allocate' | 'credit' | 'reverse'; pick: number; percent: number }

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('order' as const),
      who: fc.nat(2),
      quantity: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('stock' as const),
      quantity: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constantFrom('fulfill' as const, 'cancel' as const, 'bill' as const),
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
  table: 'transactions' | 'purchase_orders' | 'invoices',
  accountId: string,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from ${sql.table(table)}
    where account_id = ${accountId} order by id`.execute(api.database.db)
  return rows.map((row) => row.id)
}

async function play(desk: Desk, step: Act): Promise<void> {
  const { database } = api
  const { accountId } = desk.account
  const pick = async (table: Parameters<typeof idsOf>[0], n: number) => {
    const ids = await idsOf(table, accountId)
    return ids[n % Math.max(ids.length, 1)]
  }
  if (step.act === 'stock') {
    const product = { productId: desk.productId }
    await importCodes(database, api.config.keys, desk.account, product, step.quantity)
  } else if (step.act === 'order') {
    await api.client(desk.account.key).post('/v2/transactions', {
      customer_id: desk.customers[step.who],
      items: [{ sku: desk.sku, quantity: step.quantity }],
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
  } else {
    const id = await pick('purchase_orders', step.pick)
    if (id !== undefined) await billDay(api, accountId, id, { documents: false })
  }
}

async function settle(
  { account: { accountId } }: Desk,
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

const differing = async (accountId: string | null) =>
  (await reconcile(api.database.db, accountId))
    .filter(({ differences }) => differences.length > 0)
    .map(({ name, differences }) => ({ name, differences }))

test('every identity holds after every random day', async () => {
  let journals = 0
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 30 }), async (day) => {
      const desk = await openDesk()
      await play(desk, { act: 'stock', quantity: 5 })
      for (const step of day) await play(desk, step)
      expect(await differing(desk.account.accountId)).toEqual([])
      const { rows } = await sql<{ n: bigint }>`select count(*) as n from journals
        where account_id = ${desk.account.accountId}`.execute(api.database.db)
      journals += Number(rows[0]?.n ?? 0)
    }),
    { numRuns: RUNS, verbose: 1, endOnFailure: true },
  )
  expect(journals).toBeGreaterThan(RUNS)
}, 300_000)

test('each planted difference is seen by its identity, and by no other account', async () => {
  const desk = await openDesk()
  const stranger = await openDesk()
  const { accountId } = desk.account
  const story: Act[] = [
    { act: 'stock', quantity: 5 },
    { act: 'order', who: 0, quantity: 2 },
    { act: 'fulfill', pick: 0 },
    { act: 'bill', pick: 0 },
    { act: 'pay', pick: 0, percent: 50 },
    { act: 'reverse', pick: 0, percent: 100 },
    { act: 'pay', pick: 0, percent: 150 },
    { act: 'order', who: 1, quantity: 3 },
    { act: 'fulfill', pick: 1 },
    { act: 'order', who: 2, quantity: 2 },
    { act: 'bill', pick: 2 },
  ]
  for (const step of story) await play(desk, step)
  expect(await differing(accountId)).toEqual([])

  const plants: [identity: string, plant: string][] = [
    ['balance_held', 'update customer_balances set held_minor = held_minor + 1'],
    ['balance_receivable', 'update customer_balances set invoiced_minor = invoiced_minor + 1'],
    [
      'balance_unallocated',
      'update customer_balances set unallocated_minor = unallocated_minor + 1',
    ],
    ['held', `update transactions set payment_method = 'card', pay_by = accepted_at`],
    ['unbilled', `update units set price_minor = price_minor + 1 where invoice_line_id is null`],
    ['revenue', `update units set price_minor = price_minor + 1 where invoice_line_id is not null`],
    [
      'deferred',
      `update units set price_minor = price_minor + 1
        where invoice_line_id is not null and allocated_at is null`,
    ],
    ['lines', `update units set price_minor = price_minor + 1 where invoice_line_id is not null`],
    ['billed', `update invoices set total_minor = total_minor + 1, tax_minor = tax_minor + 1`],
    ['tax', `update invoices set total_minor = total_minor + 1, tax_minor = tax_minor + 1`],
    ['received', `update received_payments set amount_minor = amount_minor + 1`],
    ['reversed', 'delete from received_payment_reversals'],
    ['receivable', `update invoices set state = 'open'`],
    [
      'memo',
      `update entries e set amount_minor = amount_minor + 1 from ledger_accounts a
      where a.id = e.ledger_account_id and a.kind = 'held_offset'`,
    ],
    [
      'balanced',
      `update entries e set amount_minor = amount_minor + 1 from ledger_accounts a
      where a.id = e.ledger_account_id and a.kind = 'cash'`,
    ],
  ]
  for (const [identity, plant] of plants) {
    const seen = await planted(
      `${plant}${/ where /.test(plant) ? ' and ' : ' where '}
      ${plant.includes('entries e') ? 'e.' : ''}account_id = '${accountId}'`,
      accountId,
    )
    expect(seen.own, plant).toContain(identity)
  }
  expect(await differing(stranger.account.accountId)).toEqual([])
})

class Undo extends Error {}

/** What reconciliation says inside a transaction in which the database's guards sleep; then undone. */
async function planted(statement: string, accountId: string): Promise<{ own: string[] }> {
  let own: string[] = []
  await api.database.db
    .transaction()
    .execute(async (tx) => {
      await sql`set local session_replication_role = replica`.execute(tx)
      await sql.raw(statement).execute(tx)
      own = (await reconcileWithin(tx, accountId)).flatMap(({ name, differences }) =>
        differences.length > 0 ? [name] : [],
      )
      throw new Undo()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error
    })
  return { own }
}
