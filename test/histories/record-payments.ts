import * as contract from '../../workflows/contract.ts'
import { eventually, type Stack } from '../harness.ts'
import { openTill, type Payment, type Refund } from '../payments/world.ts'

/** Payments and refunds: done at once, waiting, with a lost reply, and ended late. */
export async function recordPayments(
  stack: Stack,
  save: (name: string, workflowId: string) => Promise<void>,
  reaches: (workflowId: string, status: string) => Promise<unknown>,
): Promise<void> {
  const till = await openTill(stack)
  const workflowOf = ({ id }: Payment) => contract.paymentWorkflowId(id, 1)
  const refund = async (id: string) =>
    contract.refundWorkflowId(
      (await till.post<Refund>(`/v2/payments/${id}/refund`, {}, 10)).body.id,
      1,
    )

  const paid = await till.create()
  await reaches(workflowOf(paid), 'COMPLETED')
  await save('payment', workflowOf(paid))
  const refunded = await refund(paid.id)
  await reaches(refunded, 'COMPLETED')
  await save('refund', refunded)

  const date = new Date().toISOString().slice(0, 'YYYY-MM-DD'.length)
  const { body: compared } = await till.client.post<{ id: string }>(
    '/v2/payments/reconciliations',
    { date },
  )
  const comparison = contract.reconciliationWorkflowId(compared.id, 1)
  await reaches(comparison, 'COMPLETED')
  await save('reconciliation', comparison)

  const held = await till.create({ capture_method: 'manual' })
  await eventually(
    () => till.payment(held.id),
    ({ status }) => status === 'requires_capture',
  )
  await save('payment-held', workflowOf(held))
  await stack.psp().plant(till.connected, 'capture', 'drop_after')
  await till.post(`/v2/payments/${held.id}/capture`, {})
  await till.advance('PT10M')
  await till.until(held.id, 'succeeded')
  await save('payment-capture-lost', workflowOf(held))

  const late = await till.create({ payment_method: 'pm_card_refundFail' })
  const failing = await refund(late.id)
  await till.advance('P6D')
  await save('refund-failed-late', failing)
}
