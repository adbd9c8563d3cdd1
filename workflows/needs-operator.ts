import { ActivityFailure } from '@temporalio/common'
import { upsertSearchAttributes } from '@temporalio/workflow'
import * as contract from './contract.ts'

/** What a repeat cannot mend comes here as a reason for a person; anything else passes. */
export function explainStuck(error: unknown): { stuckReason: string } {
  if (!(error instanceof ActivityFailure)) throw error
  const message = error.cause?.message ?? error.message
  return { stuckReason: message.slice(0, contract.KEYWORD_CHARACTERS_MAX) }
}

/** Puts a workflow on the list of those that need a person, with the reason, or takes it off. */
export function showNeedsOperator(reason: string | null): void {
  upsertSearchAttributes([
    { key: contract.barkNeedsOperator, value: reason !== null },
    { key: contract.barkStuckReason, value: reason },
  ])
}
