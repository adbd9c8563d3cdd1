import { currentUpdateInfo } from '@temporalio/workflow'
import { ApplicationFailure } from '@temporalio/common'

/** The id of the Update that is being handled: the business key of an operator's decision. */
export function updateKey(): string {
  const update = currentUpdateInfo()
  if (update === undefined) throw ApplicationFailure.nonRetryable('Not inside an Update')
  return update.id
}
