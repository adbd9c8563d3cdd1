import { mkdtempSync, rmSync, writeFileSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../../db/migrate.ts'
import { makeAccount, makeCustomer, makeProduct } from '../../factories.ts'
import { checkDatabase } from '../invariants.ts'
import { countOf, otherThan, runAttack, type Stream } from '../load/attack.ts'
import { pause } from '../mortal.ts'
import { keepResult, readRun } from '../run.ts'
import { openFleet, type Fleet } from './fleet.ts'

/** The schema changes on the hottest tables while orders come at a steady rate. */

const run = readRun()
const long = run.matrix === 'all'
const PER_SECOND = long ? 100 : 6
const SECONDS = long ? 30 : 7
const READER_MS = 2_500 // a report that keeps its lock while the migration wants the table
const SCHEMA = fileURLToPath(new URL('../../../db/', import.meta.url))

let fleet: Fleet
const folder = mkdtempSync(join(tmpdir(), 'bark-migrations-'))
beforeAll(async () => {
  fleet = await openFleet('matrix_migration')
}, 60_000)
afterAll(async () => {
  await fleet.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What a release does to tables that every order writes: a column, a constraint, a trigger. */
const CHANGES = {
  '9001-delivery-note.sql': `
    alter table transactions add column delivery_note text not null default '';
    alter table transactions add constraint delivery_note_short
      check (char_length(delivery_note) <= 200) not valid;`,
  '9002-delivery-note-valid.sql': `
    alter table transactions validate constraint delivery_note_short;`,
  '9003-unit-weight.sql': `
    alter table units add column weight_grams integer;
    alter table outbox add column note text;
    create function note_transaction() returns trigger language plpgsql as $$
      begin return new; end $$;
    create trigger note_transaction before insert on transactions
      for each row execute function note_transaction();`,
}

test(`migrations at ${PER_SECOND} orders a second, beside a long reader: none fails, none waits for a second`, async () => {
  for (const name of ['migrations', 'functions']) {
    cpSync(join(SCHEMA, name), join(folder, name), { recursive: true })
  }
  for (const [name, text] of Object.entries(CHANGES)) {
    writeFileSync(join(folder, 'migrations', name), text)
  }
  const streams = [await orders('live'), await orders('others')]
  const attack = runAttack({ url: fleet.apiUrl, seconds: SECONDS, streams })
  await pause(1_500)
  const reader = fleet.database.db.transaction().execute(async (tx) => {
    await sql`select count(*) from transactions`.execute(tx)
    await sql`select pg_sleep(${READER_MS / 1_000})`.execute(tx)
  })
  const migrated = await migrate(fleet.databaseUrl, pathToFileURL(`${folder}/`))
  await reader
  const results = await attack
  const slowest = Math.max(
    ...Object.values(results).map((result) => result.statuses['201']?.p99 ?? Number.NaN),
  )
  keepResult(run, 'rows', { row: 'migration', perSecond: PER_SECOND, slowest, ...migrated })
  process.stdout.write(
    `${migrated.applied.length} migrations in ${migrated.tries} tries, orders p99 ${slowest} ms\n`,
  )
  expect(migrated.applied).toEqual(Object.keys(CHANGES))
  expect(migrated.tries).toBeGreaterThan(migrated.applied.length) // the reader stood in the way
  for (const { name } of streams) {
    expect(otherThan(results[name], [201])).toEqual({})
    expect(countOf(results[name], 201)).toBe((PER_SECOND / 2) * SECONDS)
  }
  expect(slowest).toBeLessThan(1_000)
  expect(await checkDatabase(fleet.database.db)).toEqual([])
}, 120_000)

async function orders(name: string): Promise<Stream> {
  const account = await makeAccount(fleet.database)
  const product = await makeProduct(fleet.database, account.accountId)
  const customers = await Promise.all(
    Array.from({ length: 8 }, () => makeCustomer(fleet.database, account.accountId)),
  )
  return {
    name,
    key: account.key,
    method: 'POST',
    path: '/v2/transactions',
    perSecond: PER_SECOND / 2,
    connections: 32,
    bodies: customers.map((id) =>
      JSON.stringify({ customer_id: id, items: [{ sku: product.sku, quantity: 1 }] }),
    ),
  }
}
