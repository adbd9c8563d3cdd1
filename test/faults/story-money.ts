import { fieldsOf, textOf } from './json.ts'
import { HELP_SECONDS, type Steps } from './story-steps.ts'

export type CardPayment = { id: string; capturedMinor: number }

/** How the client of the story pays an order by card and gets its money back. */
export function openMoneySteps(steps: Steps) {
  // An outcome that nobody told us is asked for after minutes of the account's clock.
  const help = () => steps.advance(HELP_SECONDS)

  const stateOf = (id: string, wanted: string) =>
    steps.readUntil(
      { name: 'read the payment', path: `/v2/payments/intents/${id}` },
      ({ status }) => status === wanted,
      help,
    )
  return {
    /** Waits until it is known what the order costs, then authorises that and captures it. */
    async pay(orderId: string): Promise<CardPayment> {
      const asking = { name: `what is due of ${orderId}`, path: `/v2/transactions/${orderId}` }
      const dueOf = (order: Record<string, unknown>) => fieldsOf(order['payment'])['due_minor']
      const order = await steps.readUntil(asking, (read) => Number(dueOf(read)) > 0, help)
      const capturedMinor = Number(dueOf(order))
      const intent = await steps.post('pay order C', '/v2/payments/intents', {
        amount: capturedMinor,
        currency: 'usd',
        payment_method: 'pm_card_visa',
        capture_method: 'manual',
        order_id: orderId,
      })
      const id = textOf(intent, 'id')
      await stateOf(id, 'requires_capture')
      await steps.post('capture the payment', `/v2/payments/${id}/capture`, {})
      await stateOf(id, 'succeeded')
      return { id, capturedMinor }
    },
    /** Asks for all of it back and waits until the payer has it. */
    async refund({ id }: CardPayment): Promise<void> {
      const refund = await steps.post('refund the payment', `/v2/payments/${id}/refund`, {})
      const path = `/v2/refunds/${textOf(refund, 'id')}`
      const isDone = ({ status }: Record<string, unknown>) => status === 'succeeded'
      await steps.readUntil({ name: 'read the refund', path }, isDone, help)
    },
  }
}
