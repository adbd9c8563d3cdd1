import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { startReceiver } from '../../sandbox/receiver.ts'
import * as contract from '../../workflows/contract.ts'
import { importCodes, makeProduct } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop } from '../shop.ts'
import { recordBooks } from './record-books.ts'
import { recordDisputes } from './record-disputes.ts'
import { recordPayments } from './record-payments.ts'

/**
 * Records a history of every workflow in every interesting state into test/histories/*.json, which
 * every test run replays. Run it after a change that needs new ones, never to silence a replay that
 * fails: `node test/histories/record.ts NAME…` beside `bark test --serve` records what is named.
 */

const FOLDER = fileURLToPath(new URL('.', import.meta.url))

async function recordAll(stack: Stack, wanted: Set<string>): Promise<void> {
  const receiver = await startReceiver()
  const { workflow } = stack.temporal
  const shop = await openShop(stack, { codes: 20 })
  const save = async (name: string, workflowId: string) => {
    if (wanted.size > 0 && !wanted.has(name)) return
    const history = await workflow.getHandle(workflowId).fetchHistory()
    const file = `${FOLDER}${name}.json`
    await writeFile(file, `${JSON.stringify(JSON.parse(historyToJSON(history)))}\n`)
    process.stdout.write(`${name}: ${history.events?.length ?? 0} events\n`)
  }
  const reaches = (workflowId: string, status: string) =>
    eventually(
      () => workflow.getHandle(workflowId).describe().then(
        (found) => found.status.name as string,
        () => 'NOT_FOUND',
      ),
      (seen) => seen === status,
    )
  const waits = (storyId: string) =>
    eventually(
      async () =>
        (await stack.database.pool.query('select 1 from waits where story_id = $1', [storyId])).rowCount,
      (count) => count === 1,
    )
  const dayOf = async (transactionId: string) => {
    const { body } = await shop.client.get<{
      purchase_order: { id: string; business_date: string; sequence: number }
    }>(`/v2/transactions/${transactionId}`)
    const { id, business_date, sequence } = body.purchase_order
    const workflowId = contract.purchaseOrderWorkflowId({
      customerId: shop.customerId,
      businessDate: business_date,
      currency: 'USD',
      sequence,
    })
    return { id, workflowId }
  }

  await mkdir(FOLDER, { recursive: true })
  for (const [path, answers] of [
    ['/ok', [{ status: 200 }]],
    ['/second', [{ status: 500 }, { status: 200 }]],
    ['/never', [{ status: 500 }]],
    ['/cancelled', [{ status: 500 }]],
  ] as const) {
    receiver.script(path, { answers: [...answers] })
    await shop.client.post('/v2/webhooks', { url: `${receiver.url}${path}`, events: ['order.fulfilled'] })
  }
  const deliveryOf = async (path: string) => {
    const { rows } = await stack.database.pool.query<{ id: string }>(
      `select d.id from deliveries d join webhooks w on w.id = d.webhook_id
       where w.account_id = $1 and w.url = $2 order by d.created_at limit 1`,
      [shop.account.accountId, `${receiver.url}${path}`],
    )
    return contract.webhookWorkflowId(rows[0]?.id ?? '')
  }

  const inStock = await shop.order([{ sku: shop.pooled.sku, quantity: 2 }])
  await reaches(contract.transactionWorkflowId(inStock), 'COMPLETED')
  await save('fulfill-in-stock', contract.transactionWorkflowId(inStock))
  const day = await dayOf(inStock)
  await waits(day.id)
  await save('day-open', day.workflowId)

  const partialProduct = await shop.supplied('TEST-PARTIAL')
  const partial = await shop.order([{ sku: partialProduct.sku, quantity: 4 }])
  await waits(partial)
  await save('fulfill-partial-waiting', contract.transactionWorkflowId(partial))

  const noneProduct = await shop.supplied('TEST-OUT-OF-STOCK')
  const cancelled = await shop.order([{ sku: noneProduct.sku, quantity: 1 }])
  await waits(cancelled)
  const cancelledHandle = workflow.getHandle(contract.transactionWorkflowId(cancelled))
  await cancelledHandle.executeUpdate(contract.retryNow, { args: [{ note: 'try again' }] })
  await waits(cancelled)
  await cancelledHandle.executeUpdate(contract.cancelRemaining, { args: [{}] })
  await reaches(contract.transactionWorkflowId(cancelled), 'COMPLETED')
  await save('fulfill-retried-and-cancelled', contract.transactionWorkflowId(cancelled))

  const deadline = await shop.order([{ sku: noneProduct.sku, quantity: 1 }])
  await waits(deadline)
  const dayHandle = workflow.getHandle(day.workflowId)
  await dayHandle.executeUpdate(contract.hold, { args: [{ note: 'check the price' }] })
  await dayHandle.executeUpdate(contract.closeNow, { args: [{}] })
  await shop.advance('PT20M')
  await save('day-held', day.workflowId)
  await reaches(contract.transactionWorkflowId(partial), 'COMPLETED')
  await save('fulfill-partial-complete', contract.transactionWorkflowId(partial))
  await dayHandle.executeUpdate(contract.release, { args: [{}] })
  await reaches(day.workflowId, 'COMPLETED')
  await save('day-held-and-released', day.workflowId)

  const cancelledDelivery = await deliveryOf('/cancelled')
  await workflow.getHandle(cancelledDelivery).executeUpdate(contract.cancel, { args: [{}] })
  await reaches(cancelledDelivery, 'COMPLETED')
  await save('webhook-cancelled', cancelledDelivery)
  await save('webhook-delivered-at-once', await deliveryOf('/ok'))
  await save('webhook-delivered-second', await deliveryOf('/second'))
  await save('webhook-waiting', await deliveryOf('/never'))

  const second = await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  const secondDay = await dayOf(second)
  await shop.advance('PT40H')
  await save('fulfill-deadline-passed', contract.transactionWorkflowId(deadline))
  await reaches(secondDay.workflowId, 'COMPLETED')
  await save('day-by-its-end', secondDay.workflowId)
  await save('webhook-failed', await deliveryOf('/never'))

  const { body: billed } = await shop.client.get<{ data: { id: string }[] }>('/v2/invoices')
  const { body: note } = await shop.client.post<{ id: string }>(
    `/v2/invoices/${billed.data[0]?.id}/credit-notes`,
    { reason: 'Refused' },
  )
  await reaches(contract.creditNoteWorkflowId(note.id), 'COMPLETED')
  await save('credit-note', contract.creditNoteWorkflowId(note.id))

  const { body: send } = await shop.client.post<{ number: number }>(
    `/v2/invoices/${billed.data[0]?.id}/send`,
    {},
  )
  const sendId = contract.documentsWorkflowId(`${billed.data[0]?.id}/${send.number}`)
  await reaches(sendId, 'COMPLETED')
  await save('documents', sendId)

  const late = await shop.order([{ sku: partialProduct.sku, quantity: 2 }])
  const lateDay = await dayOf(late)
  await waits(late)
  await stack.database.pool.query('update accounts set settle_window_seconds = 1 where id = $1', [
    shop.account.accountId,
  ])
  await shop.client.post(`/v2/purchase-orders/${lateDay.id}/close`)
  await shop.advance('PT30S')
  await save('invoice-run-waiting', contract.invoiceRunWorkflowId(`${lateDay.id}/2`))
  await shop.advance('PT26H')
  await reaches(contract.invoiceRunWorkflowId(`${lateDay.id}/2`), 'COMPLETED')
  await save('invoice-run', contract.invoiceRunWorkflowId(`${lateDay.id}/2`))

  const feeProduct = await makeProduct(stack.database, shop.account.accountId, { taxClass: 'fee' })
  await importCodes(stack.database, stack.config.keys, shop.account, { productId: feeProduct.id }, 1)
  const setTaxId = (taxId: string | null) =>
    stack.database.pool.query('update accounts set tax_id = $2 where id = $1', [
      shop.account.accountId,
      taxId,
    ])
  await setTaxId(null)
  const stuckDay = await dayOf(await shop.order([{ sku: feeProduct.sku, quantity: 1 }]))
  await shop.client.post(`/v2/purchase-orders/${stuckDay.id}/close`)
  await shop.advance('PT1M')
  await eventually(
    async () =>
      (
        await stack.database.pool.query(
          'select 1 from waits where story_id = $1 and needs_person',
          [stuckDay.id],
        )
      ).rowCount,
    (count) => count === 1,
  )
  await setTaxId('DE123456789')
  const stuckHandle = workflow.getHandle(stuckDay.workflowId)
  await stuckHandle.executeUpdate(contract.release, { args: [{}] })
  await reaches(stuckDay.workflowId, 'COMPLETED')
  await save('day-without-tax-id', stuckDay.workflowId)
  const claim = async (sku: string) => {
    const id = await shop.order([{ sku, quantity: 1 }])
    const { codes } = (
      await eventually(
        () =>
          shop.client.get<{ status: string; codes: { unit_id: string }[] }>(
            `/v2/transactions/${id}/codes`,
          ),
        ({ body }) => body.status === 'complete',
      )
    ).body
    const path = `/v2/transactions/${id}/units/${codes[0]?.unit_id}/claim`
    const { body } = await shop.client.post<{ id: string }>(path, { reason: 'used' })
    return { id: body.id, workflowId: contract.claimWorkflowId(body.id) }
  }
  const replaced = await claim((await shop.supplied('TEST-INSTANT')).sku)
  await reaches(replaced.workflowId, 'COMPLETED')
  await save('claim-replaced', replaced.workflowId)
  const rejected = await claim(shop.pooled.sku)
  await waits(rejected.id)
  await save('claim-waiting', rejected.workflowId)
  await workflow.getHandle(rejected.workflowId).executeUpdate(contract.reject, { args: [{}] })
  await reaches(rejected.workflowId, 'COMPLETED')
  await save('claim-rejected', rejected.workflowId)

  const moved = await shop.order([{ sku: noneProduct.sku, quantity: 1 }])
  await waits(moved)
  const movedId = contract.transactionWorkflowId(moved)
  await workflow
    .getHandle(movedId)
    .executeUpdate(contract.rerouteSupplier, { args: [{ from: 'sandbox', note: 'too slow' }] })
  await save('fulfill-rerouted', movedId)

  await recordBooks(stack, save, reaches)
  await recordPayments(stack, save, reaches)
  await recordDisputes(stack, save, reaches)

  const sweepId = `sweep-${shop.account.accountId}`
  await workflow.execute('sweep', {
    workflowId: sweepId,
    taskQueue: stack.config.temporal.taskQueue,
    args: [],
  })
  await save('sweep', sweepId)
  await receiver.close()
}

const stack = await startStack('histories', { supplier: true, psp: true })
await recordAll(stack, new Set(process.argv.slice(2)))
await stack.stop()
