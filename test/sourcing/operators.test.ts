import { randomUUID } from 'node:crypto'
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run as runStuck } from '../../cli/stuck.ts'
import { listViews } from '../../cli/views.ts'
import * as contract from '../../workflows/contract.ts'
import { commandContext } from '../cli/context.ts'
import { openLink, type Link } from '../faults/proxy.ts'
import { startSupplierProcess, type SupplierProcess } from '../sandbox/supplier-process.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/** What operators see of an order that waits for its codes, and what they can do about it. */
let stack: Stack
let supplier: SupplierProcess
let link: Link
let shop: OpenShop
beforeAll(async () => {
  supplier = await startSupplierProcess()
  link = await openLink('supplier', supplier.port)
  const env = { SANDBOX_SUPPLIER_URL: `http://127.0.0.1:${link.port}` }
  stack = await startStack('sourcing-operators', { env })
  shop = await openShop(stack)
})
afterAll(async () => {
  await stack.stop()
  await link.close()
  await supplier.kill('SIGTERM')
})

async function waiting(magicSku: string, quantity = 1, of = shop) {
  const product = await of.supplied(magicSku)
  const id = await of.order([{ sku: product.sku, quantity }])
  const handle = stack.temporal.workflow.getHandle(contract.transactionWorkflowId(id))
  const waitingFor = () =>
    eventually(
      () => handle.query(contract.waitingFor).catch(() => null),
      (seen) => seen !== null,
    )
  await waitingFor()
  return { id, handle, product, waitingFor }
}

/** What the web UI shows of a workflow: its current details, and what it takes. */
async function detailsOf(handle: WorkflowHandle): Promise<string> {
  return JSON.stringify(await handle.query<object>('__temporal_workflow_metadata'))
}

type Unit = { unit_id: string; state: string; reason: string | null }
async function unitsOf(id: string): Promise<Unit[]> {
  const { body } = await shop.client.get<{ codes: Unit[] }>(`/v2/transactions/${id}/codes`)
  return body.codes
}

/** The sandbox again under another name, which sells the product as `magicSku`. */
async function addSupplier(productId: string, magicSku: string, priority: number): Promise<string> {
  const name = `Second ${randomUUID()}`
  const { body } = await shop.client.post<{ id: string }>('/v2/suppliers', {
    name,
    adapter: 'sandbox',
  })
  await shop.client.post(`/v2/suppliers/${body.id}/skus`, {
    product_id: productId,
    supplier_sku: magicSku,
    cost: 20,
    currency: 'USD',
    priority,
  })
  return name
}

test('the details say per supplier what was asked, what came, since when and when it is asked next', async () => {
  const { handle } = await waiting('TEST-DELAYED', 3)
  const text = await detailsOf(handle)
  expect(text).toMatch(
    /sandbox: asked for 3, delivered 0, processing 3, in doubt 0; waiting since /,
  )
  expect(text).toMatch(/asked next at 2\d{3}-[^;]+Z; last answer: processing, HTTP 200/)
  for (const verb of ['retryNow', 'cancelRemaining', 'rerouteSupplier', 'resolveUnit']) {
    expect(text).toContain(`"name":"${verb}"`)
  }
})

test('a supplier that has none is named with since when it is waited for and its next try', async () => {
  const own = await openShop(stack) // a clock that moves for this order only
  const { id, handle, waitingFor } = await waiting('TEST-LATE-STOCK', 2, own)
  const seen = (text: string) =>
    /sandbox: asked for 2, delivered 0, processing 0, in doubt 0, not sold 2; waiting since ([^;]+); asked next at ([^;]+); last answer: none, HTTP 200/.exec(
      text,
    )
  const [, since = '', next = ''] = seen(await detailsOf(handle)) ?? []
  expect(next).toBe((await waitingFor())?.dueAt)
  expect(Date.parse(next)).toBeGreaterThanOrEqual(Date.parse(since) + 10_000)

  await own.advance('PT15S')
  const [, sinceThen, later = ''] = seen(await detailsOf(handle)) ?? []
  expect(sinceThen).toBe(since)
  expect(Date.parse(later)).toBeGreaterThanOrEqual(Date.parse(next) + 60_000)
  await own.advance('PT2M')
  await handle.result()
  const { body } = await own.client.get<{ status: string }>(`/v2/transactions/${id}/codes`)
  expect(body.status).toBe('complete')
})

test('an order is taken from one supplier and given to another; what it had is undone there', async () => {
  const { id, handle, product } = await waiting('TEST-DELAYED')
  const second = await addSupplier(product.id, 'TEST-INSTANT', 200)
  const before = (await supplier.ledger()).length
  const answer = await handle.executeUpdate(contract.rerouteSupplier, {
    args: [{ from: 'sandbox', to: second, note: 'too slow' }],
  })
  expect(answer.accepted).toBe(true)
  await handle.result()
  expect(await unitsOf(id)).toMatchObject([{ state: 'available' }])
  expect((await supplier.ledger()).length).toBe(before)
  const decision = await stack.database.db
    .selectFrom('operator_decisions')
    .select(['verb', 'note'])
    .where('story_id', '=', id)
    .execute()
  expect(decision).toEqual([{ verb: 'rerouteSupplier', note: 'too slow' }])
})

test('cancelling asks the supplier to undo what it has not delivered', async () => {
  const { id, handle } = await waiting('TEST-DELAYED', 2)
  const before = (await supplier.ledger()).length
  await handle.executeUpdate(contract.cancelRemaining, { args: [{}] })
  await handle.result()
  expect((await unitsOf(id)).map(({ state }) => state)).toEqual(['cancelled', 'cancelled'])
  expect((await supplier.ledger()).length).toBe(before - 2)
})

test('a unit in doubt is resolved by what a person found out', async () => {
  link.setMode({ kind: 'loseReplies' })
  const [found, lost] = [await waiting('TEST-INSTANT'), await waiting('TEST-LATE-STOCK')]
  const unit = async (id: string) =>
    (
      await eventually(
        () => unitsOf(id),
        ([one]) => one?.reason === 'unknown',
      )
    )[0]?.unit_id ?? ''
  const [foundUnit, lostUnit] = [await unit(found.id), await unit(lost.id)]
  link.setMode({ kind: 'pass' })
  const wrong = await found.handle.executeUpdate(contract.resolveUnit, {
    args: [{ unit: lostUnit, outcome: 'found' }],
  })
  expect(wrong).toMatchObject({ accepted: false })
  const answers = [
    await found.handle.executeUpdate(contract.resolveUnit, {
      args: [{ unit: foundUnit, outcome: 'found' }],
    }),
    await lost.handle.executeUpdate(contract.resolveUnit, {
      args: [{ unit: lostUnit, outcome: 'notPlaced' }],
    }),
  ]
  expect(answers.map(({ accepted }) => accepted)).toEqual([true, true])
  await found.handle.result()
  expect(await unitsOf(found.id)).toMatchObject([{ state: 'available' }])
  const [late] = await eventually(
    () => unitsOf(lost.id),
    ([one]) => one?.reason !== 'unknown',
  )
  expect(late?.state).toBe('processing')
})

test('a decision that cannot be meant is refused at once, in words', async () => {
  const { handle } = await waiting('TEST-OUT-OF-STOCK')
  const refusedWith = async (update: Promise<unknown>, words: RegExp) => {
    const error = await update.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(WorkflowUpdateFailedError)
    expect(String((error as WorkflowUpdateFailedError).cause)).toMatch(words)
  }
  const reroute = (request: object) => handle.executeUpdate('rerouteSupplier', { args: [request] })
  const resolve = (request: object) => handle.executeUpdate('resolveUnit', { args: [request] })
  await refusedWith(reroute({}), /Name a supplier/)
  await refusedWith(reroute({ to: 7 }), /to is a text/)
  await refusedWith(reroute({ supplier: 'x' }), /Unknown field supplier/)
  await refusedWith(resolve({ unit: 'unit_1', outcome: 'maybe' }), /outcome is "found" or/)
  await refusedWith(resolve({ outcome: 'found' }), /Name the unit/)
  expect(await reroute({ to: 'Nobody' })).toMatchObject({ accepted: false })
  await handle.executeUpdate(contract.cancelRemaining, { args: [{}] })
  await handle.result()
})

test('bark stuck lists a unit that has been in doubt for a day, with its link and the command that helps', async () => {
  link.setMode({ kind: 'loseReplies' })
  const own = await openShop(stack) // a clock that moves for this order only
  const { id } = await waiting('TEST-INSTANT', 1, own)
  await own.client.post('/v2/test_clock', { advance: 'PT25H' })
  await eventually(
    () =>
      stack.database.db
        .selectFrom('waits')
        .select('needs_person')
        .where('story_id', '=', id)
        .execute(),
    ([wait]) => wait?.needs_person === true,
    90_000,
  )
  const spoken = commandContext(stack.config)
  expect(await runStuck([], spoken.context)).toBe(1)
  const text = spoken.out.join('\n')
  expect(text).toContain(`${id} needs a person since`)
  expect(text).toContain(encodeURIComponent(`transaction/${id}`))
  expect(text).toContain('--name retryNow')
  expect(text).toMatch(/is in doubt since .+\n\s+sandbox may have sold it under unit_/)
  expect(text).toContain('--name resolveUnit')
  expect(text).toMatch(/sup_\w+ does not answer since/)

  // The same through the views, as Temporal sees it.
  const needs = listViews(new Date()).find(({ name }) => name === 'Needs operator')
  const seen = await eventually(
    async () => {
      const ids: string[] = []
      const query = `${needs?.query} AND TaskQueue = "${stack.config.temporal.taskQueue}"`
      for await (const one of stack.temporal.workflow.list({ query })) ids.push(one.workflowId)
      return ids
    },
    (ids) => ids.length > 0,
  )
  expect(seen).toEqual([`transaction/${id}`])
  link.setMode({ kind: 'pass' })
}, 150_000)
