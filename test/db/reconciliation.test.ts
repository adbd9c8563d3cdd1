import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reconcile, reconcileWithin } from '../../db/reconciliation.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { expectDocumentsAddUp } from '../ledger/documents-add-up.ts'
import { act, openDesk, play, type Act } from '../ledger/random-days.ts'

let api: ServedApi

beforeAll(async () => {
  api = await serveApi('reconciliation')
})
afterAll(() => api.stop())

/** Random days to play; BARK_PROVE_LEDGER_DAYS asks for more. */
const RUNS = Number(process.env['BARK_PROVE_LEDGER_DAYS'] ?? 6)

const differing = async (accountId: string | null) =>
  (await reconcile(api.database.db, accountId))
    .filter(({ differences }) => differences.length > 0)
    .map(({ name, differences }) => ({ name, differences }))

test('every identity holds after every random day, and its documents add up', async () => {
  let journals = 0
  let invoices = 0
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 30 }), async (day) => {
      const desk = await openDesk(api)
      for (const product of [0, 1, 2]) await play(desk, { act: 'stock', product, quantity: 5 })
      for (const step of day) await play(desk, step)
      expect(await differing(desk.account.accountId)).toEqual([])
      invoices += await expectDocumentsAddUp(api.database, desk.account.accountId)
      const { rows } = await sql<{ n: bigint }>`select count(*) as n from journals
        where account_id = ${desk.account.accountId}`.execute(api.database.db)
      journals += Number(rows[0]?.n ?? 0)
    }),
    { numRuns: RUNS, verbose: 1, endOnFailure: true },
  )
  expect(journals).toBeGreaterThan(RUNS)
  expect(invoices).toBeGreaterThan(0)
}, 300_000)

test('each planted difference is seen by its identity, and by no other account', async () => {
  const desk = await openDesk(api)
  const stranger = await openDesk(api)
  const { accountId } = desk.account
  const story: Act[] = [
    { act: 'stock', product: 0, quantity: 5 },
    { act: 'order', who: 0, what: [0, 0] },
    { act: 'fulfill', pick: 0 },
    { act: 'bill', pick: 0 },
    { act: 'pay', pick: 0, percent: 50 },
    { act: 'reverse', pick: 0, percent: 100 },
    { act: 'pay', pick: 0, percent: 150 },
    { act: 'order', who: 1, what: [0, 0, 0] },
    { act: 'fulfill', pick: 1 },
    { act: 'order', who: 2, what: [0, 0] },
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
