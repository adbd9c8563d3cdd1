import { randomBytes } from 'node:crypto'
import { inTransaction, type Db } from '../../db/client.ts'
import { emitEvent } from '../../db/events.ts'
import { getTestClock, startAdvance } from '../../db/test-clock.ts'
import { insertWebhookSecret } from '../../db/webhook-secrets.ts'
import { insertWebhook, type NewWebhook } from '../../db/webhooks.ts'
import type { EventType } from '../../domain/event-type.ts'
import { WEBHOOK_DELAYS_SECONDS } from '../../domain/webhook-schedule.ts'
import { newId } from '../../new-id.ts'
import { openKeys } from '../../cli/open-keys.ts'
import { eventually, type Stack } from '../harness.ts'

/** A merchant with a test account, and what happens around its endpoints. */

export const SECRET = 'your_webhook_secret'

export async function createAccount(db: Db, mode: 'test' | 'live' = 'test'): Promise<string> {
  const id = newId('account')
  await db
    .insertInto('organizations')
    .values({ id: `org_${id.slice(4)}`, name: 'Acme', plan: 'sandbox' })
    .execute()
  await db
    .insertInto('accounts')
    .values({
      id,
      organization_id: `org_${id.slice(4)}`,
      mode,
      name: 'Acme',
      currency: 'USD',
      legal_name: 'Acme Inc',
      legal_address: JSON.stringify({ street: 'Main St 1', city: 'Springfield', zip: '1' }),
      country: 'US',
      finance_email: 'finance@acme.example',
    })
    .execute()
  if (mode === 'test') await db.insertInto('test_clocks').values({ account_id: id }).execute()
  return id
}

export async function createWebhook(
  stack: Pick<Stack, 'database' | 'config'>,
  accountId: string,
  webhook: Partial<NewWebhook> & { url: string },
): Promise<string> {
  const id = newId('webhook')
  const secretId = newId('webhookSecret')
  const keys = await openKeys(stack.database, stack.config).ring.forSealing(accountId)
  await inTransaction(stack.database.db, async (tx) => {
    await insertWebhook(tx, {
      id,
      accountId,
      events: ['*'],
      description: '',
      metadata: {},
      active: true,
      perSecondMax: null,
      inFlightMax: 16,
      ...webhook,
    })
    await insertWebhookSecret(
      tx,
      { accountId, webhookId: id },
      { id: secretId, ...keys.seal(secretId, SECRET) },
    )
  })
  return id
}

/** Something happened to a product; answers the event's id. */
export async function happen(
  db: Db,
  accountId: string,
  event: { type?: EventType; object?: Record<string, unknown>; objectId?: string } = {},
): Promise<string> {
  const objectId = event.objectId ?? `prod_${randomBytes(13).toString('hex')}`
  return inTransaction(db, (tx) =>
    emitEvent(tx, {
      accountId,
      type: event.type ?? 'product.created',
      objectId,
      sequence: 1,
      customerId: null,
      facts: { object: event.object ?? { object: 'product', id: objectId, name: 'Gift card' } },
    }),
  )
}

export async function readDeliveries(db: Db, accountId: string) {
  return db
    .selectFrom('deliveries')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function readAttempts(db: Db, accountId: string) {
  return db
    .selectFrom('attempts')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('delivery_id')
    .orderBy('number')
    .execute()
}

/** Waits until every delivery of the account has ended; answers them. */
export async function deliveriesEnded(db: Db, accountId: string, withinMs?: number) {
  return eventually(
    () => readDeliveries(db, accountId),
    (rows) => rows.length > 0 && rows.every((row) => row.state !== 'pending'),
    withinMs,
  )
}

/** Waits until that many deliveries of the account wait for their next attempt. */
export async function deliveriesWait(db: Db, accountId: string, count: number): Promise<void> {
  await eventually(
    () => db.selectFrom('waits').select('reason').where('account_id', '=', accountId).execute(),
    (rows) => rows.length === count,
  )
}

/** Moves the account's clock as an integrator would, and waits until it is ready. */
export async function advanceClock(db: Db, accountId: string, milliseconds: number): Promise<void> {
  await inTransaction(db, (tx) => startAdvance(tx, accountId, { advanceMs: milliseconds }))
  await clockReady(db, accountId)
}

async function clockReady(db: Db, accountId: string): Promise<void> {
  await eventually(
    () => getTestClock(db, accountId),
    (clock) => clock.status === 'ready',
    60_000,
  )
}

/**
 * How late each attempt after the first began, in milliseconds after its due instant: the published
 * delay after the end of the one before. Negative is too early.
 */
export function latenessMs(attempts: { started_at: Date; finished_at: Date | null }[]): number[] {
  return attempts.slice(1).map((attempt, index) => {
    const endedAt = attempts[index]?.finished_at?.getTime() ?? 0
    return attempt.started_at.getTime() - endedAt - (WEBHOOK_DELAYS_SECONDS[index + 1] ?? 0) * 1_000
  })
}

/** The most of these instants (milliseconds) that fall into any second. */
export function busiestSecond(instants: number[]): number {
  const sorted = instants.toSorted((a, b) => a - b)
  const within = sorted.map((start, index) => {
    const end = sorted.findIndex((instant) => instant >= start + 1_000)
    return (end === -1 ? sorted.length : end) - index
  })
  return Math.max(0, ...within)
}
