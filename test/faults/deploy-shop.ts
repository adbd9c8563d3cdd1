import { sql } from 'kysely'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { wakeBackorders } from '../../db/backorders.ts'
import { inTransaction } from '../../db/client.ts'
import { importCodes } from '../factories.ts'
import { eventually } from '../harness.ts'
import { checkDrained } from './check-drained.ts'
import { checkDatabase, type Violation } from './invariants.ts'
import { putScript } from './merchant.ts'
import type { Fleet } from './matrix/fleet.ts'
import { copyTree } from './planted.ts'
import { openShop, type Shop } from './scenarios/shop.ts'

/** Orders in every state of being under way while workers are exchanged. */

/** A machine that does other work needs as long for one order, from its wake-up to its end. */
const MS_PER_ORDER_MAX = 300
const FULFILL = 'workflows/fulfill-transaction.ts'
const DAY = 'workflows/run-purchase-order-day.ts'

/** How the next version's workflows differ. `careless`: steps change without a patch marker. */
export type NextVersion = 'patched' | 'careless' | 'same'

/** A copy of the tree with another step in the workflows of an order and of a day. */
export function makeNextVersion(version: NextVersion): string {
  const root = copyTree()
  if (version === 'same') return root
  const when = version === 'patched' ? `if (patched('next-version')) ` : ''
  replaceIn(join(root, FULFILL), 'let look = await awaitCodes(input)', (found) =>
    [`${when}await allocateCodes(input)`, found].join('\n  '),
  )
  replaceIn(join(root, DAY), 'step = await stepPurchaseOrder(input)', (found) =>
    [`${when}await stepPurchaseOrder(input)`, found].join('\n    '),
  )
  for (const file of [FULFILL, DAY]) {
    replaceIn(join(root, file), 'proxyActivities,', (found) => `${found}\n  patched,`)
  }
  return root
}

function replaceIn(file: string, anchor: string, make: (found: string) => string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.includes(anchor)) throw new Error(`${file} has no longer: ${anchor}`)
  writeFileSync(file, text.replace(anchor, make(anchor)))
}

export type DeployShop = {
  accountId: string
  /** So many orders, each by one of eight clients. */
  order(count: number): Promise<void>
  /** Every order is known to Temporal and waits for its codes, its day for its end. */
  allWait(): Promise<void>
  /** Brings the codes, so that everybody looks for them; waits for nothing. */
  stir(): Promise<void>
  /** Orders, days of customers and of the account, later invoices and deliveries: each has a workflow. */
  countStories(): Promise<number>
  /**
   * Brings the codes, which wakes every order; then moves the clock over the end of the day. Not the
   * other way round: every order's deadline would be a stop of the clock. Resolves when all is done.
   */
  finish(): Promise<Violation[]>
}

/** A shop that has no codes yet, so that every order waits until they come or its deadline. */
export async function openDeployShop(fleet: Fleet): Promise<DeployShop> {
  const shop = await openShop(fleet)
  const path = `/${shop.accountId}`
  await putScript(fleet, path, [{ status: 200 }])
  const endpoint = await shop.client.insist({
    name: 'endpoint',
    method: 'POST',
    path: '/v2/webhooks',
    key: `webhook ${shop.accountId}`,
    body: {
      url: `${fleet.receiverUrl}${path}`,
      events: ['invoice.finalized'],
      secret: 's'.repeat(24),
    },
  })
  if (endpoint.status !== 201) throw new Error(`no endpoint: ${JSON.stringify(endpoint.body)}`)
  let ordered = 0
  return {
    accountId: shop.accountId,
    async order(count) {
      const CLIENTS = 8
      let left = count
      const one = async (): Promise<void> => {
        while (left > 0) {
          left -= 1
          await shop.order(1)
          ordered += 1
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, one))
    },
    async allWait() {
      await eventually(
        () => countWaits(fleet, shop),
        (waiting) => waiting === ordered + 1,
        120_000 + ordered * MS_PER_ORDER_MAX,
      )
    },
    stir: () => bringCodes(fleet, shop, ordered),
    async countStories() {
      const { rows } = await sql<{ count: bigint }>`select
        (select count(*) from transactions where account_id = ${shop.accountId})
        + (select count(*) from purchase_orders where account_id = ${shop.accountId})
        + (select count(*) from invoice_runs where account_id = ${shop.accountId})
        + (select count(*) from account_days where account_id = ${shop.accountId})
        + (select count(*) from deliveries where account_id = ${shop.accountId}) as count`.execute(
        fleet.database.db,
      )
      return Number(rows[0]?.count)
    },
    async finish() {
      const { db } = fleet.database
      const msMax = 120_000 + ordered * MS_PER_ORDER_MAX
      await bringCodes(fleet, shop, ordered)
      await eventually(
        () => countOpenOrders(fleet, shop),
        (open) => open === 0,
        msMax,
      )
      await shop.advance(30 * 3_600)
      await eventually(
        () => checkDrained(db),
        (left) => left.length === 0,
        msMax,
      )
      return checkDatabase(db)
    },
  }
}

async function bringCodes({ database, keys }: Fleet, shop: Shop, count: number): Promise<void> {
  const { id } = await database.db
    .selectFrom('products')
    .select('id')
    .where('sku', '=', shop.sku)
    .executeTakeFirstOrThrow()
  const account = { accountId: shop.accountId, mode: 'test' as const }
  await importCodes(database, keys, account, { productId: id }, count)
  const items = [{ productId: id, variantId: '' }]
  await inTransaction(database.db, (tx) =>
    wakeBackorders(tx, shop.accountId, items, 'codes were imported'),
  )
}

async function countOpenOrders({ database: { db } }: Fleet, shop: Shop): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`select count(*) from transactions
    where account_id = ${shop.accountId} and ended_at is null`.execute(db)
  return Number(rows[0]?.count)
}

async function countWaits({ database: { db } }: Fleet, shop: Shop): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`select count(*) from waits w
    where w.account_id = ${shop.accountId} and w.due_at is not null`.execute(db)
  return Number(rows[0]?.count)
}

export type SeenStories = {
  stories: number
  ended: number
  /** Ids of those in which a workflow task failed of the worker, such as a replay that did not fit. */
  failedTasks: string[]
  /** Builds by which the last step was made; '' without versioning. */
  builds: Record<string, number>
  startedEagerly: number
}

/**
 * WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND: a signal came while the step that ends the story was on its
 * way, so Temporal has it made once more. It happens to any worker at any time.
 */
const UNHANDLED_COMMAND = 1

/** What the histories of an account say of how they were carried from one worker to the next. */
export async function readStories(client: Client, accountId: string): Promise<SeenStories> {
  const seen: SeenStories = {
    stories: 0,
    ended: 0,
    failedTasks: [],
    builds: {},
    startedEagerly: 0,
  }
  for await (const run of client.workflow.list({ query: `BarkAccount = "${accountId}"` })) {
    const { events } = await client.workflow.getHandle(run.workflowId).fetchHistory()
    seen.stories += 1
    let build = ''
    for (const event of events ?? []) {
      const failed = event.workflowTaskFailedEventAttributes
      if (failed && Number(failed.cause) !== UNHANDLED_COMMAND)
        seen.failedTasks.push(run.workflowId)
      if (event.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted === true) {
        seen.startedEagerly += 1
      }
      if (event.workflowExecutionCompletedEventAttributes) seen.ended += 1
      const done = event.workflowTaskCompletedEventAttributes
      build = done?.deploymentVersion?.buildId ?? build
    }
    seen.builds[build] = (seen.builds[build] ?? 0) + 1
  }
  return seen
}
