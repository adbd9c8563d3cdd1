import { DomainError } from '../domain/error.ts'
import type { Db } from './client.ts'

/** A customer's own wishes; null is what the account says, or the default. */
export type BillingSettings = {
  invoice_recipients: string[] | null
  invoice_formats: string[] | null
}

type CustomerKey = { accountId: string; customerId: string }

/** Throws `not_found`. */
export async function getBillingSettings(db: Db, key: CustomerKey): Promise<BillingSettings> {
  const row = await db
    .selectFrom('customers')
    .select(['invoice_recipients', 'invoice_formats'])
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.customerId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
  return row
}

/** Replaces them. They hold from the next mail. Repeatable. Throws `not_found`. */
export async function updateBillingSettings(
  db: Db,
  key: CustomerKey,
  settings: BillingSettings,
): Promise<void> {
  const row = await db
    .updateTable('customers')
    .set(settings)
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.customerId)
    .returning('id')
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
}
