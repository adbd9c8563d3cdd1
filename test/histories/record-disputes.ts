import * as contract from '../../workflows/contract.ts'
import { eventually, type Stack } from '../harness.ts'
import { openTill } from '../payments/world.ts'

/** Disputes: waiting for evidence, answered by a client and by an operator, and never answered. */
export async function recordDisputes(
  stack: Stack,
  save: (name: string, workflowId: string) => Promise<void>,
  reaches: (workflowId: string, status: string) => Promise<unknown>,
): Promise<void> {
  const till = await openTill(stack)
  const dispute = async () => {
    const payment = await till.create({ payment_method: 'pm_card_createDispute' })
    const { body } = await eventually(
      () =>
        till.client.get<{ data: { id: string }[] }>(
          `/v2/payments/disputes?payment_id=${payment.id}`,
        ),
      (seen) => seen.body.data.length === 1,
    )
    const id = body.data[0]?.id ?? ''
    return { id, workflowId: contract.disputeWorkflowId(id, 1) }
  }

  const won = await dispute()
  const evidence = { transaction_details: 'winning_evidence' }
  await till.client.post(`/v2/payments/disputes/${won.id}/respond`, { evidence })
  await reaches(won.workflowId, 'COMPLETED')
  await save('dispute-won', won.workflowId)

  const accepted = await dispute()
  const handle = stack.temporal.workflow.getHandle(accepted.workflowId)
  await handle.executeUpdate(contract.accept, { args: [{ note: 'not worth it' }] })
  await reaches(accepted.workflowId, 'COMPLETED')
  await save('dispute-accepted', accepted.workflowId)

  const forgotten = await dispute()
  await till.advance('PT145H')
  await save('dispute-reminded', forgotten.workflowId)
  await till.advance('P4D')
  await reaches(forgotten.workflowId, 'COMPLETED')
  await save('dispute-forgotten', forgotten.workflowId)
}
