import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import type { ServedApi } from '../api/serve.ts'
import { createBilled, type Billed, type CreditNote } from '../api/v2/credit-notes/billed.ts'
import { createClient } from '../api/client.ts'
import { checkDrained } from '../faults/check-drained.ts'
import { checkDatabase } from '../faults/invariants.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { failAt, recordCalls, repeatEach, type Failure } from '../workflows/steps.ts'

/** `issueCreditNote` through Temporal: every step repeated, every step failed. */

let stack: Stack
let wrap: (activities: Activities) => Activities = (activities) => activities
let served: Pick<ServedApi, 'database' | 'config' | 'client'>

beforeAll(async () => {
  stack = await startStack('issue_credit_note', { wrap: (all) => wrap(all) })
  const { database, config } = stack
  served = { database, config, client: (key) => createClient(stack.apiUrl, key) }
})
afterAll(() => stack.stop())

/** Invoices whose days are over, so that only credit notes are at work afterwards. */
async function prepare(count: number): Promise<Billed[]> {
  wrap = (activities) => activities
  await stack.restartWorker()
  const billed = []
  for (let n = 0; n < count; n++) billed.push(await createBilled(served))
  await eventually(
    () => checkDrained(stack.database.db),
    (left) => left.length === 0,
  )
  return billed
}

/** An invoice of three units, one credited: the same rows whatever went wrong on the way. */
async function tellStory(billed: Billed): Promise<Record<string, unknown>> {
  const { account, client, invoiceId } = billed
  const asked = await client.post<CreditNote>(`/v2/invoices/${invoiceId}/credit-notes`, {
    reason: 'Refused',
    lines: [{ position: 1, quantity: 1 }],
  })
  const { body } = await eventually(
    () => client.get<CreditNote>(`/v2/credit-notes/${asked.body.id}`),
    (answer) => answer.body.sent_at !== null,
  )
  const { rows } = await sql<Record<string, unknown>>`
    select
      (select count(*) from credit_note_documents where account_id = ${account.accountId}) as documents,
      (select count(*) from mails where account_id = ${account.accountId}
        and credit_note_id is not null and sent_at is not null) as mails,
      (select count(*) from events where account_id = ${account.accountId}
        and type = 'credit_note.issued') as events,
      (select invoiced_minor from customer_balances where account_id = ${account.accountId}
        and currency = 'EUR') as owed`.execute(stack.database.db)
  return { ...rows[0], number: body.number?.slice(-6), total: body.total_minor }
}

const EXPECTED = {
  documents: 2n,
  mails: 1n,
  events: 1n,
  owed: 2_380n,
  number: '000001',
  total: 1_190,
}

async function expectInBalance(): Promise<void> {
  expect(await checkDatabase(stack.database.db)).toEqual([])
}

test('three activities, each executed twice, end in the same rows', async () => {
  const [billed] = await prepare(1)
  if (billed === undefined) throw new Error('nothing was billed')
  const calls: string[] = []
  wrap = (activities) => repeatEach(recordCalls(activities, calls))
  await stack.restartWorker()
  expect(await tellStory(billed)).toEqual(EXPECTED)
  expect(calls).toEqual(
    ['finalizeCreditNote', 'renderCreditNoteDocuments', 'sendCreditNote'].flatMap((name) => [
      name,
      name,
    ]),
  )
  await expectInBalance()
}, 60_000)

describe('every activity that fails', () => {
  test.each(['before', 'after'] satisfies Failure['when'][])(
    'once, %s its effect',
    async (when) => {
      for (const [index, billed] of (await prepare(3)).entries()) {
        const nth = index + 1
        let failed: () => string[] = () => []
        wrap = (activities) => {
          const planted = failAt(activities, { nth, when })
          failed = planted.failed
          return planted.activities
        }
        await stack.restartWorker()
        expect(await tellStory(billed), `failing at execution ${nth}`).toEqual(EXPECTED)
        expect(failed()).toHaveLength(1)
        await expectInBalance()
      }
    },
    60_000,
  )
})

test('a request whose command was lost is found by the sweep', async () => {
  const [billed] = await prepare(1)
  if (billed === undefined) throw new Error('nothing was billed')
  await stack.stopWorker()
  const { client, invoiceId } = billed
  const asked = await client.post<CreditNote>(`/v2/invoices/${invoiceId}/credit-notes`, {
    reason: 'Refused',
  })
  const left = await checkDrained(stack.database.db)
  expect(JSON.stringify(left)).toContain(asked.body.id)
  await sql`delete from outbox`.execute(stack.database.db)
  await sql`select sweep_stories(interval '0 seconds', 100)`.execute(stack.database.db)
  await stack.restartWorker()
  await eventually(
    () => client.get<CreditNote>(`/v2/credit-notes/${asked.body.id}`),
    (answer) => answer.body.sent_at !== null,
  )
})
