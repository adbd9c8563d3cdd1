import type { Tx } from '../db/client.ts'
import {
  endOperation,
  markAgain,
  markUnknown,
  type OperationRow,
} from '../db/payment-operations.ts'
import { mayResend, planUnknown } from '../domain/payment.ts'

/**
 * What becomes of an operation that a provider has not answered: the same for all that moves money and
 * for answers to disputes. The caller holds the payment's lock.
 */

const BUSY_MS = 2_000
const UNKNOWN_MS_MIN = 1_000

/** Why an operation ended of which the provider has never heard. */
export const NEVER_ARRIVED = {
  code: 'never_arrived',
  decline_code: null,
  message: 'The provider never received this, and it is too late to send it again.',
}

/** It may or may not have happened: when it is looked at again depends on how often that was done. */
export async function leaveUnknown(tx: Tx, operation: OperationRow, now: Date): Promise<void> {
  const { afterSeconds } = planUnknown(operation)
  const firstMs = (operation.submitted_at ?? now).getTime()
  const nextMs = Math.max(firstMs + afterSeconds * 1000, now.getTime() + UNKNOWN_MS_MIN)
  await markUnknown(tx, operation, new Date(nextMs))
}

/** Nobody had time for it: its key is sent again in a moment. */
export async function leaveBusy(tx: Tx, operation: OperationRow, now: Date): Promise<void> {
  await markAgain(tx, operation, new Date(now.getTime() + BUSY_MS))
}

/**
 * The provider has never heard of it: its key is sent again at once, or it ends because that is too
 * late. Answers whether it ended.
 */
export async function leaveUndone(tx: Tx, operation: OperationRow, now: Date): Promise<boolean> {
  const sinceFirst = (now.getTime() - (operation.submitted_at ?? now).getTime()) / 1000
  if (mayResend(sinceFirst)) {
    await markAgain(tx, operation, now)
    return false
  }
  return endOperation(tx, operation, { state: 'errored', error: NEVER_ARRIVED })
}
