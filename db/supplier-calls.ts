import { sql } from 'kysely'
import type { Tx } from './client.ts'

/**
 * Leave to call a supplier. Its limits and its circuit breaker are kept in SQL, so they hold exactly
 * however many workers there are (`take_supplier_call` and `end_supplier_call`).
 */

type SupplierKey = { accountId: string; supplierId: string }

/** `breaker`: nobody is asked before its probe. `limit`: too many or too fast. Real seconds. */
export type SupplierHold = { why: 'breaker' | 'limit'; holdSeconds: number }

/** Leave that is not used ends with its lease. Take it last: it locks the supplier's row. */
export async function takeSupplierCall(
  tx: Tx,
  { accountId, supplierId }: SupplierKey,
  leaseSeconds: number,
): Promise<{ callId: string } | SupplierHold> {
  const { rows } = await sql<{
    leave: { call: string } | { why: SupplierHold['why']; hold_seconds: number }
  }>`select take_supplier_call(${accountId}, ${supplierId},
      ${leaseSeconds} * interval '1 second') as leave`.execute(tx)
  const leave = rows[0]?.leave
  if (leave === undefined) throw new Error(`No leave for ${supplierId}`)
  if ('call' in leave) return { callId: leave.call }
  return { why: leave.why, holdSeconds: leave.hold_seconds }
}

/** The call is over; answers whether the breaker opened or closed by it. Safe to repeat. */
export async function endSupplierCall(
  tx: Tx,
  { accountId, supplierId }: SupplierKey,
  call: { id: string; reached: boolean; said: string },
): Promise<'opened' | 'closed' | null> {
  const { rows } = await sql<{ breaker: 'opened' | 'closed' | null }>`
    select end_supplier_call(${accountId}, ${supplierId}, ${call.id}, ${call.reached},
      ${call.said}) as breaker`.execute(tx)
  return rows[0]?.breaker ?? null
}
