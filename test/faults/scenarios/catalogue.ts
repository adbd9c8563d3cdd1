import type { Violation } from '../invariants.ts'
import type { World } from '../world.ts'
import {
  connectionsEndAfterTheAnswer,
  duplicateRequests,
  ordersAtTheClose,
  raceForCodes,
  refusedOrder,
} from './orders.ts'
import { moneyRepliesLost, unpaidOrder } from './money.ts'
import {
  billingFails,
  closedBeforeTheTimer,
  codeTakenAway,
  deadEndpoint,
  deadlinePasses,
  refusedCommand,
  supplierReplyLost,
  temporalAway,
  wholeStory,
} from './stories.ts'

/** What is tried, by name: on the product as it is, and on the product with a planted bug. */
export const SCENARIOS = {
  billingFails,
  closedBeforeTheTimer,
  codeTakenAway,
  connectionsEndAfterTheAnswer,
  deadEndpoint,
  deadlinePasses,
  duplicateRequests,
  moneyRepliesLost,
  ordersAtTheClose,
  raceForCodes,
  refusedCommand,
  refusedOrder,
  supplierReplyLost,
  temporalAway,
  unpaidOrder,
  wholeStory,
} satisfies Record<string, (world: World) => Promise<Violation[]>>

export type ScenarioName = keyof typeof SCENARIOS
