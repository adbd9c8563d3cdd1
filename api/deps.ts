import type { KeyRing } from '../secrets/key-ring.ts'
import type { Gate } from './middleware/gate.ts'
import type { OrderServices } from './order-services.ts'
import type { ApiParts } from './parts.ts'

/**
 * The first argument of every handler. State that lives as long as the app (a queue, a poller, a
 * cache) is a field here, made by `createDeps` in `api/app.ts` and ended by its `close`.
 */
export type ApiDeps = ApiParts & {
  /** `createOrderServices(parts)`; its `close` ends a poller. */
  orders: OrderServices
  /** What codes, webhook secrets and stored answers are sealed with. */
  keyRing: KeyRing
  /** One for all routes and pages of the process; its `close` ends a timer. */
  gate: Gate
}
