import { Client, Connection } from '@temporalio/client'
import type { Db } from '../../db/client.ts'
import * as contract from '../../workflows/contract.ts'
import { eventually } from '../harness.ts'
import type { Violation } from './invariants.ts'

const VISIBLE_MS_MAX = 10_000 // visibility is written a moment after the workflow itself

/** I23: every story has exactly one workflow, which has ended; no workflow is without a story. */
export async function checkWorkflows(
  client: Client,
  db: Db,
  accountId: string,
  visibleMsMax = VISIBLE_MS_MAX,
): Promise<Violation[]> {
  const read = async (): Promise<{ missing: string[]; surplus: string[]; open: string[] }> => {
    const wanted = await listStories(db, accountId)
    const found = await listRuns(client, accountId)
    const ids = found.map(({ id }) => id)
    return {
      missing: wanted.filter((id) => !ids.includes(id)),
      surplus: ids.filter((id, index) => !wanted.includes(id) || ids.indexOf(id) !== index),
      open: found.filter(({ ended }) => !ended).map(({ id }) => id),
    }
  }
  const isRight = (seen: Awaited<ReturnType<typeof read>>): boolean =>
    [seen.missing, seen.surplus, seen.open].every((ids) => ids.length === 0)
  try {
    await eventually(read, isRight, visibleMsMax)
    return []
  } catch {
    const seen = await read()
    if (isRight(seen)) return []
    const what = 'stories and workflows are not one for one, or one has not ended'
    return [{ invariant: 'I23', what, rows: [seen] }]
  }
}

/** Everything that Temporal keeps of the account's workflows, as one text: for the canary scan. */
export async function readHistories(client: Client, accountId: string): Promise<string> {
  const texts: string[] = []
  for (const { id } of await listRuns(client, accountId)) {
    const handle = client.workflow.getHandle(id)
    texts.push(printDeep(await handle.fetchHistory()), printDeep(await handle.describe()))
  }
  return texts.join('\n')
}

/** A client around the proxies; `close` it. */
export async function connectTemporal(
  address: string,
): Promise<{ client: Client; close(): Promise<void> }> {
  const connection = await Connection.connect({ address })
  return { client: new Client({ connection }), close: () => connection.close() }
}

/** The workflows of an account, as visibility lists them. */
export async function listRuns(client: Client, accountId: string) {
  const runs: { id: string; ended: boolean }[] = []
  for await (const run of client.workflow.list({ query: `BarkAccount = "${accountId}"` })) {
    runs.push({ id: run.workflowId, ended: run.status.name === 'COMPLETED' })
  }
  return runs
}

async function listStories(db: Db, accountId: string): Promise<string[]> {
  type Table =
    | 'transactions'
    | 'deliveries'
    | 'invoice_runs'
    | 'document_sends'
    | 'credit_notes'
    | 'account_days'
    | 'ledger_reconciliations'
  const of = async (table: Table, nameOf: (id: string) => string) => {
    const rows = await db
      .selectFrom(table)
      .select('id')
      .where('account_id', '=', accountId)
      .execute()
    return rows.map(({ id }) => nameOf(id))
  }
  const runsOf = async (
    table: 'payment_intents' | 'refunds' | 'payment_reconciliations',
    nameOf: (id: string, run: number) => string,
  ) => {
    const rows = await db
      .selectFrom(table)
      .select(['id', 'run'])
      .where('account_id', '=', accountId)
      .execute()
    return rows.flatMap(({ id, run }) =>
      Array.from({ length: run }, (_, index) => nameOf(id, index + 1)),
    )
  }
  const days = await db
    .selectFrom('purchase_orders')
    .select(['customer_id', 'business_date', 'currency', 'sequence'])
    .where('account_id', '=', accountId)
    .execute()
  return [
    ...(await of('transactions', contract.transactionWorkflowId)),
    ...(await of('deliveries', contract.webhookWorkflowId)),
    ...(await of('invoice_runs', contract.invoiceRunWorkflowId)),
    ...(await of('document_sends', contract.documentsWorkflowId)),
    ...(await of('credit_notes', contract.creditNoteWorkflowId)),
    ...(await of('account_days', contract.accountDayWorkflowId)),
    ...(await of('ledger_reconciliations', contract.ledgerReconciliationWorkflowId)),
    ...(await runsOf('payment_intents', contract.paymentWorkflowId)),
    ...(await runsOf('refunds', contract.refundWorkflowId)),
    ...(await runsOf('payment_reconciliations', contract.reconciliationWorkflowId)),
    ...days.map((day) =>
      contract.purchaseOrderWorkflowId({
        customerId: day.customer_id,
        businessDate: day.business_date,
        currency: day.currency,
        sequence: day.sequence,
      }),
    ),
  ]
}

/** Every text in a structure, payload bytes read as text. */
function printDeep(value: unknown, seen = new Set<object>()): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null || seen.has(value)) return ''
  seen.add(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  const members: unknown[] = value instanceof Map ? [...value.values()] : Object.values(value)
  return members.map((member) => printDeep(member, seen)).join('\n')
}
