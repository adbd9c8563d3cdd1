import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOutboxGate, type OutboxGate } from '../../api/outbox-gate.ts'
import { readEnv, toConfig } from '../../config.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { OUTBOX_CHANNEL } from '../../db/outbox-level.ts'
import { createLog } from '../../log.ts'
import { eventually } from '../harness.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'

/** The bell that tells the dispatchers of new work. */

let testDatabase: TestDatabase
let database: Database
let gate: OutboxGate
let listener: Client
const heard: string[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase('outbox_gate')
  const { url } = testDatabase
  database = openDatabase({
    url,
    poolSizeMax: 2,
    applicationName: 'test-outbox-gate',
    onError: () => undefined,
  })
  const config = toConfig(readEnv({ DATABASE_URL: url }))
  gate = createOutboxGate({ database, config, log: createLog('test', 'silent') })
  listener = new Client({ connectionString: url })
  listener.on('notification', ({ payload }) => heard.push(payload ?? ''))
  await listener.connect()
  await listener.query(`listen ${OUTBOX_CHANNEL}`)
})
afterAll(async () => {
  gate.close()
  await listener.end()
  await database.close()
  await testDatabase.drop()
})

test('rings at once, and once more for all who came while it rang', async () => {
  for (let n = 0; n < 50; n++) gate.nudge()
  await eventually(
    () => Promise.resolve(heard.length),
    (count) => count >= 2,
  )
  gate.nudge()
  await eventually(
    () => Promise.resolve(heard.length),
    (count) => count >= 3,
  )
  await database.pool.query('select pg_notify($1, $2)', [OUTBOX_CHANNEL, 'end'])
  await eventually(
    () => Promise.resolve(heard.at(-1)),
    (last) => last === 'end',
  )
  expect(heard).toEqual(['', '', '', 'end'])
})
