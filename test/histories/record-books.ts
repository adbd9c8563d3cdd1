import * as contract from '../../workflows/contract.ts'
import { eventually, type Stack } from '../harness.ts'
import { openShop } from '../shop.ts'

/** A business date of an account while it is waited for and when it is told, and a report of the books. */
export async function recordBooks(
  stack: Stack,
  save: (name: string, workflowId: string) => Promise<void>,
  reaches: (workflowId: string, status: string) => Promise<unknown>,
): Promise<void> {
  const shop = await openShop(stack)
  const transaction = await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  const { body } = await shop.client.get<{
    purchase_order: { id: string; business_date: string }
  }>(`/v2/transactions/${transaction}`)
  const { id, business_date: date } = body.purchase_order
  const dayId = `${shop.account.accountId}/${date}`
  await shop.client.post(`/v2/purchase-orders/${id}/close`)
  await eventually(
    async () =>
      (await stack.database.pool.query('select 1 from waits where story_id = $1', [dayId]))
        .rowCount,
    (count) => count === 1,
    60_000,
  )
  await save('account-day-waiting', contract.accountDayWorkflowId(dayId))
  await shop.advance('PT26H')
  await reaches(contract.accountDayWorkflowId(dayId), 'COMPLETED')
  await save('account-day', contract.accountDayWorkflowId(dayId))

  const { body: report } = await shop.client.post<{ id: string }>('/v2/ledger/reconciliations')
  const workflowId = contract.ledgerReconciliationWorkflowId(report.id)
  await reaches(workflowId, 'COMPLETED')
  await save('ledger-report', workflowId)
}
