import { randomUUID } from 'node:crypto'
import { Client as TemporalClient, Connection } from '@temporalio/client'
import { TypedSearchAttributes } from '@temporalio/common'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { barkTransaction } from '../../workflows/contract.ts'
import { eventually } from '../harness.ts'
import { testTemporal, testVisibilityUrl } from '../stack.ts'

/**
 * The own Temporal server's list of workflows: an attribute that is absent costs no entry in an index,
 * and one that is there is found by its index (docs/decisions/0035).
 */

let visibility: Client
beforeAll(async () => {
  visibility = new Client({ connectionString: testVisibilityUrl() })
  await visibility.connect()
})
afterAll(() => visibility.end())

test('each index of an optional attribute is one of the rows that have it', async () => {
  const { rows } = await visibility.query<{ name: string; whole: boolean; optional: boolean }>(`
    select x.indexrelid::regclass::text as name, x.indpred is null as whole,
      a.attgenerated = 's' or a.attname in ('parent_workflow_id', 'parent_run_id') as optional
    from pg_index x join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[1]
    where x.indrelid = 'executions_visibility'::regclass`)
  const optional = rows.filter((row) => row.optional)
  expect(optional.length).toBeGreaterThan(50)
  expect(optional.filter((row) => row.whole)).toEqual([])
  const names = rows.map(({ name }) => name)
  for (const kept of ['by_keyword_01', 'by_keyword_10', 'by_parent_workflow_id', 'by_text_01']) {
    expect(names).toContain(kept)
  }
})

test('a workflow is listed by an attribute that it has', async () => {
  const { address, namespace } = testTemporal()
  const connection = await Connection.connect({ address })
  const { workflow } = new TemporalClient({ connection, namespace })
  const transactionId = `txn_${randomUUID()}`
  const workflowId = `listed-${randomUUID()}`
  const handle = await workflow.start('nobodyWorksThisQueue', {
    workflowId,
    taskQueue: workflowId,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: barkTransaction, value: transactionId },
    ]),
  })
  const list = async () => {
    const ids: string[] = []
    const query = `BarkTransaction = '${transactionId}'`
    for await (const found of workflow.list({ query })) ids.push(found.workflowId)
    return ids
  }
  const listed = await eventually(list, (ids) => ids.length > 0)
  expect(listed).toEqual([workflowId])
  await handle.terminate('listed')
  await connection.close()
})

test('the comparison that lists by an attribute is served by its index', async () => {
  await visibility.query('begin')
  await visibility.query('set local enable_seqscan = off')
  await visibility.query('set local enable_sort = off')
  const { rows } = await visibility.query<{ 'QUERY PLAN': string }>(`
    explain select run_id from executions_visibility
    where namespace_id = 'any' and Keyword01 = 'any' and TemporalNamespaceDivision is null
    order by coalesce(close_time, '9999-12-31 23:59:59') desc, start_time desc, run_id limit 20`)
  await visibility.query('rollback')
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('by_keyword_01')
})
