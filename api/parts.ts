import type { Database } from '../db/client.ts'
import type { Log } from '../log.ts'

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
