import { proxyActivities, setHandler } from '@temporalio/workflow'
import { ApplicationFailure } from '@temporalio/common'
import type { Activities } from '../activities/index.ts'
import * as contract from './contract.ts'
import { updateKey } from './update-key.ts'
import type { Waiter } from './wait.ts'

/** SQL. The decision is written before anything is done about it. */
const { recordCancelRemaining, recordRetryNow, recordReroute, recordResolveUnit } =
  proxyActivities<Activities>({
    startToCloseTimeout: '15s',
    heartbeatTimeout: contract.HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', maximumInterval: '10s' },
    summary: "an operator's decision",
  })

/** What operators may decide about a transaction while it is fulfilled. */
export function handleFulfillDecisions(
  input: contract.FulfillTransactionInput,
  waiter: Waiter,
): void {
  setHandler(
    contract.cancelRemaining,
    async (request) => {
      await recordCancelRemaining({ ...input, key: updateKey(), note: request.note })
      waiter.wake()
      return {
        accepted: true,
        effect:
          'Nothing more is bought, suppliers are asked to undo; what is open ends as cancelled.',
      }
    },
    {
      description: 'Give up every unit that is not delivered, and release what it holds.',
      validator: contract.validateOperatorRequest,
    },
  )
  setHandler(
    contract.retryNow,
    async (request) => {
      await recordRetryNow({ ...input, key: updateKey(), note: request.note })
      waiter.wake()
      return { accepted: true, effect: 'The own pool and the suppliers are asked now.' }
    },
    {
      description: 'Ask the own pool and the suppliers now instead of at the next due instant.',
      validator: contract.validateOperatorRequest,
    },
  )
  setHandler(
    contract.rerouteSupplier,
    async ({ from, to, note }) => {
      const answer = await recordReroute({ ...input, key: updateKey(), from, to, note })
      if (answer.accepted) waiter.wake()
      return answer
    },
    {
      description:
        'Buy elsewhere: {"from": supplier, "to": supplier}, one of them or both, by id or name. ' +
        '"from" gets nothing more of this order and is asked to undo what it has; "to" is asked now.',
      validator(request: contract.RerouteRequest) {
        contract.validateOperatorRequest(request, ['from', 'to'])
        if (request.from === undefined && request.to === undefined) {
          throw ApplicationFailure.nonRetryable('Name a supplier: {"from": "…"} or {"to": "…"}')
        }
        for (const name of ['from', 'to'] as const) validateName(name, request[name])
      },
    },
  )
  setHandler(
    contract.resolveUnit,
    async ({ unit, outcome, note }) => {
      const decision = { ...input, key: updateKey(), unitId: unit, finding: outcome, note }
      const answer = await recordResolveUnit(decision)
      if (answer.accepted) waiter.wake()
      return answer
    },
    {
      description:
        'Say what you found out about a unit in doubt: {"unit": "unit_…", "outcome": "found"}: the ' +
        'supplier has the order and is asked for its code again; "notPlaced": it has no such order.',
      validator(request: contract.ResolveUnitRequest) {
        contract.validateOperatorRequest(request, ['unit', 'outcome'])
        if (request.unit === undefined) throw ApplicationFailure.nonRetryable('Name the unit')
        validateName('unit', request.unit)
        if (!['found', 'notPlaced'].includes(request.outcome)) {
          throw ApplicationFailure.nonRetryable('outcome is "found" or "notPlaced"')
        }
      },
    },
  )
}

const NAME_CHARACTERS_MAX = 100

function validateName(field: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value === 'string' && value !== '' && value.length <= NAME_CHARACTERS_MAX) return
  throw ApplicationFailure.nonRetryable(
    `${field} is a text of 1 to ${NAME_CHARACTERS_MAX} characters`,
  )
}
