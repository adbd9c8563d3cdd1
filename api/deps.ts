import type { Database } from '../db/client.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { Log } from '../log.ts'
import type { Gate } from './middleware/gate.ts'
import type { OrderServices } from './order-services.ts'

/** The key-encryption keys: the one in use, and former ones that still open something. */
type EncryptionKeys = { current: Buffer; former: Buffer[] }

/** What the API reads of the product's settings; `Config` fits. */
export type ApiSettings = {
  mode: 'development' | 'production'
  api: {
    /** Where clients reach the API, without a slash at the end; undefined: links are relative. */
    publicUrl: string | undefined
    allowPlainHttp: boolean
    /** Addresses or CIDR ranges whose X-Forwarded-* headers count. */
    trustedProxies: string[]
    inFlightMax: number
  }
  keys: { encryption: EncryptionKeys; blindIndex: Buffer; cursors: Buffer }
  temporal: { uiUrl: string; namespace: string }
  supplier: { allowedPrivateHosts: string[] }
  webhooks: { allowedPrivateHosts: string[] }
  /** What providers sign their events with. */
  payments: { sandboxWebhookSecret: string; stripeWebhookSecret: string | undefined }
  outbox: { rowsMax: number; ageSecondsMax: number }
}

/** What a composition root or a test brings. */
export type ApiParts = { database: Database; config: ApiSettings; log: Log }

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
