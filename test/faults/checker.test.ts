import { sql, type RawBuilder } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '../../db/client.ts'
import { checkHistory } from './check-client.ts'
import { checkMoney } from './check-psp.ts'
import { checkReceived } from './check-receiver.ts'
import { checkSecrets } from './check-secrets.ts'
import { checkLedger } from './check-supplier.ts'
import { checkWorkflows } from './check-workflows.ts'
import { checkStory } from './checker.ts'
import type { Operation, Try } from './history.ts'
import { checkDrained } from './check-drained.ts'
import { checkAttemptTimes, checkDatabase, type Violation } from './invariants.ts'
import { aDelivery, DAMAGES, MONEY_DAMAGES, order } from './damages.ts'
import { fieldsOf } from './json.ts'
import { makeMerchant, type Told } from './merchant.ts'
import { tellStory } from './story.ts'
import { openWorld, type World } from './world.ts'

/** A checker that finds nothing proves nothing. Here each of its eyes is shown what it must see. */

let world: World
let told: Told
beforeAll(async () => {
  world = await openWorld('checker')
  told = await tellStory(world, await makeMerchant(world))
}, 120_000)
afterAll(() => world.stop())

test('finds nothing in a story without a fault', async () => {
  expect(await checkStory(world, told, { count: 0, seconds: 0 })).toEqual([])
})

class Undo extends Error {}

/** What is found while the rows are broken past every constraint and trigger; then all is as before. */
async function whileBroken(
  damage: RawBuilder<unknown>[],
  check: (tx: Tx) => Promise<Violation[]>,
): Promise<string[]> {
  let found: Violation[] = []
  const breaking = world.database.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx)
    for (const statement of damage) await statement.execute(tx)
    found = await check(tx)
    throw new Undo()
  })
  await breaking.catch((error: unknown) => {
    if (!(error instanceof Undo)) throw error
  })
  return found.map(({ invariant }) => invariant)
}

describe('sees in the database', () => {
  test.each(DAMAGES)('%s: %s', async (invariant, _, damage) => {
    expect(await whileBroken(damage, checkDatabase)).toContain(invariant)
  })

  test.each(MONEY_DAMAGES)('%s: %s', async (invariant, _, damage) => {
    const check = (db: Tx) => checkMoney({ ...world, database: { ...world.database, db } }, told)
    expect(await whileBroken(damage, check)).toContain(invariant)
  })

  test('I11: money that the client was never told of, or was told of otherwise', async () => {
    const [payment] = told.payments
    if (payment === undefined) throw new Error('the story paid nothing')
    for (const payments of [[], [{ ...payment, refundedMinor: 0 }]]) {
      const found = await checkMoney(world, { ...told, payments })
      expect(namesIn(found)).toContain('I11')
    }
  })

  test('I19: an attempt too early, and one too late', async () => {
    const move = (by: string) =>
      sql`update attempts set started_at = started_at + ${by}::interval where number = 2`
    const { accountId } = told
    const check = (tx: Tx) => checkAttemptTimes(tx, { accountId, lateSecondsMax: 5 })
    expect(await whileBroken([move('-2 seconds')], check)).toContain('I19')
    expect(await whileBroken([move('8 seconds')], check)).toContain('I19')
  })

  test('I27: an order, a day and a delivery that nobody carries on, and a command left over', async () => {
    for (const damage of [
      sql`update transactions set ended_at = null`,
      sql`update purchase_orders set ended_at = null`,
      sql`update deliveries set state = 'pending', ended_at = null`,
      sql`update payment_intents set ended_at = null`,
      sql`update refunds set ended_at = null`,
      sql`update credit_notes set ended_at = null`,
      sql`insert into outbox (account_id, verb, workflow, subject)
        values ('acc_x', 'start', 'sweep', '{}')`,
    ]) {
      expect(await whileBroken([damage], checkDrained)).toContain('I27')
    }
  })

  test('I28: a code in a row, a secret in a log', async () => {
    const [code = ''] = told.secrets
    const check = (tx: Tx) => checkSecrets(tx, told.accountId, told.secrets, {})
    const inText = sql`update transactions set metadata = ${JSON.stringify({ code })}::jsonb`
    const inBytes = sql`update invoice_documents set content = ${Buffer.from(`x${code}y`)}`
    expect(await whileBroken([inText], check)).toEqual(['I28'])
    expect(await whileBroken([inBytes], check)).toEqual(['I28'])
    const { db } = world.database
    const log = `{"msg":"${told.webhookSecret}"}`
    expect(await checkSecrets(db, told.accountId, told.secrets, { log })).toHaveLength(1)
  })
})

/** The story with one of its answers changed. */
function withTry(name: RegExp, nth: number, change: (tried: Try) => Partial<Try>): Told {
  const operations = structuredClone(told.client.operations)
  const tries = operations.filter((one) => name.test(one.name)).flatMap((one) => one.tries)
  const tried = tries.at(nth)
  if (tried === undefined) throw new Error(`the story has no ${name}`)
  Object.assign(tried, change(tried))
  return { ...told, client: { ...told.client, operations } }
}

const namesIn = (violations: Violation[]) => violations.map(({ invariant }) => invariant)

describe('sees in the history of the client', () => {
  test.each<[string, string, RegExp, (tried: Try) => Partial<Try>]>([
    [
      'I2',
      'a key that made two',
      /^order A again$/,
      ({ body }) => ({ body: { ...fieldsOf(body), id: 'txn_other' } }),
    ],
    [
      'I3',
      'an answer that differs',
      /^order A again$/,
      ({ body }) => ({ body: { ...fieldsOf(body), total: 1 } }),
    ],
    ['I3', 'another body accepted', /^order A reused$/, () => ({ outcome: 'ok', status: 201 })],
    [
      'I8',
      'counts that do not add up',
      /^codes of/,
      ({ body }) => ({ body: { ...fieldsOf(body), delivered: 99 } }),
    ],
    [
      'I10',
      'a code that is gone',
      /^codes of/,
      ({ body }) => ({ body: { ...fieldsOf(body), codes: [] } }),
    ],
    [
      'I14',
      'an invoice off its lines',
      /^read inv_/,
      ({ body }) => ({ body: { ...fieldsOf(body), subtotal_minor: 1 } }),
    ],
    ['I1', 'a fault answered 500', /^read order A$/, () => ({ outcome: 'unknown', status: 500 })],
  ])('%s: %s', (invariant, _, name, change) => {
    expect(namesIn(checkHistory(withTry(name, -1, change)))).toContain(invariant)
  })

  test('I7: one code for two units, and I17: an invoice that reads differently', () => {
    const operations: Operation[] = structuredClone(told.client.operations)
    const invoice = operations.find(({ name }) => name.startsWith('read inv_'))
    const lists = operations.filter(({ name }) => name.startsWith('codes of'))
    if (invoice === undefined || lists.length === 0) throw new Error('the story has no such reads')
    const other = structuredClone(invoice)
    other.tries = other.tries.map((one) => ({
      ...one,
      body: { ...fieldsOf(one.body), number: 'X' },
    }))
    const renamed = lists.map((one) => ({
      ...one,
      path: '/v2/transactions/txn_other/codes',
      tries: one.tries.map((tried) => ({
        ...tried,
        body: JSON.parse(JSON.stringify(tried.body).replaceAll('unit_', 'unit_other')) as unknown,
      })),
    }))
    const changed = { ...told.client, operations: [...operations, other, ...renamed] }
    const found = namesIn(checkHistory({ ...told, client: changed }))
    expect(found).toContain('I7')
    expect(found).toContain('I17')
  })
})

describe('sees outside', () => {
  test('I9: a code paid for and not stored, and one stored and never sold', async () => {
    const lost = sql`update codes set supplier_reference = 'other' where supplier_reference is not null`
    const found = await whileBroken([lost], (tx) =>
      checkLedger({ ...world, database: { ...world.database, db: tx } }),
    )
    expect(found.filter((invariant) => invariant === 'I9').length).toBeGreaterThanOrEqual(2)
  })

  test('I18, I20: requests that no attempt and no event explains', async () => {
    const asIf = (damage: RawBuilder<unknown>) =>
      whileBroken([damage], (tx) =>
        checkReceived({ ...world, database: { ...world.database, db: tx } }, told, 0),
      )
    expect(await asIf(sql`update deliveries set attempt_count = 0`)).toContain('I18')
    expect(
      await asIf(sql`update deliveries set event_id = 'evt_x' where id = ${aDelivery}`),
    ).toContain('I20')
    const other = { ...told, webhookSecret: 'another' }
    expect(namesIn(await checkReceived(world, other, 0))).toContain('I18')
    const nobody = { ...told, webhookPath: '/nobody' }
    expect(namesIn(await checkReceived(world, nobody, 0))).toContain('I18')
  })

  test('I23: a story without a workflow, and a workflow without a story', async () => {
    const { accountId } = told
    const asIf = (damage: RawBuilder<unknown>) =>
      whileBroken([damage], (tx) => checkWorkflows(world.stack.temporal, tx, accountId, 100))
    expect(await asIf(sql`update deliveries set id = 'dlv_x' where id = ${aDelivery}`)).toEqual([
      'I23',
    ])
    expect(await asIf(sql`delete from transactions where id = ${order(0)}`)).toEqual(['I23'])
  })
})
