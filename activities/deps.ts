import type { Database } from '../db/client.ts'
import type { SupplierConnection } from '../db/suppliers.ts'
import type { Press } from '../documents/press.ts'
import type { TaxPolicy } from '../domain/tax.ts'
import type { Log } from '../log.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import type { CodeSupplier } from './gateways/code-supplier.ts'
import type { Mailer } from './gateways/mailer.ts'
import type { PaymentProvider } from './gateways/payment-provider.ts'
import type { WebhookDialer } from './gateways/webhook-dialer.ts'
import type { StockWatch } from './stock-watch.ts'

/** What effects need: the database, the keys, and the outside parties behind their ports. */
export type ActivityDeps = {
  database: Database
  /** What codes and secrets are sealed with, and the 32 bytes that find a code again. */
  keys: { ring: KeyRing; blindIndex: Buffer }
  log: Log
  suppliers: (connection: SupplierConnection) => CodeSupplier | Promise<CodeSupplier>
  webhooks: WebhookDialer
  stock: StockWatch
  mailer: Mailer
  /** Where people find the pages of finance; left out where the public address is not known. */
  financePagesUrl?: string
  /** Renders documents beside the event loop. */
  press: Pick<Press, 'print'>
  /** The merchant's own; the shipped ones when left out. */
  taxPolicies?: readonly TaxPolicy[]
  /** Where accounts of a mode pay. */
  payments: (mode: 'live' | 'test') => PaymentProvider
}
