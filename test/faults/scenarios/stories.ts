import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { inTransaction } from '../../../db/client.ts'
import { WEBHOOK_ATTEMPTS_MAX } from '../../../domain/webhook-schedule.ts'
import { eventually } from '../../harness.ts'
import { checkStory } from '../checker.ts'
import { checkReceived } from '../check-receiver.ts'
import { checkLedger } from '../check-supplier.ts'
import { checkAttemptTimes, checkDatabase, type Violation } from '../invariants.ts'
import { makeMerchant, putScript } from '../merchant.ts'
import { tellStory } from '../story.ts'
import type { World } from '../world.ts'
import { openShop } from './shop.ts'

const WAKE_UP_MS_MAX = 8_000
const PARKED_MS_MAX = 30_000 // five tries take about six seconds
const NO_ID = 'x'.repeat(1_500) // longer than Temporal lets a workflow's id be
const AWAY_MS = 16_000 // the SDK tries a broken connection for about 10 s before a call fails

/** The story of the kills, without a kill. */
export async function wholeStory(world: World): Promise<Violation[]> {
  const merchant = await makeMerchant(world)
  try {
    const told = await tellStory(world, merchant)
    return await checkStory(world, told, { count: 0, seconds: 0 })
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    return [{ invariant: 'I27', what, rows: [] }, ...(await checkDatabase(world.database.db))]
  }
}

/** The supplier sells and its reply is lost: the unit is asked about, never bought again. */
export async function supplierReplyLost(world: World): Promise<Violation[]> {
  const shop = await openShop(world, { supplierSku: 'TEST-TIMEOUT-THEN-OK' })
  await shop.order(2)
  await shop.advance(600)
  const { rows } = await sql<{ state: string }>`
    select state from units where account_id = ${shop.accountId} and state <> 'allocated'`.execute(
    world.database.db,
  )
  const violations = [...(await checkLedger(world)), ...(await checkDatabase(world.database.db))]
  if (rows.length > 0) violations.push({ invariant: 'I9', what: 'sold and not delivered', rows })
  return violations
}

/** Nobody has it until the deadline: the order fails, nothing is billed, nothing stays held. */
export async function deadlinePasses(world: World): Promise<Violation[]> {
  const shop = await openShop(world, { codes: 1, supplierSku: 'TEST-OUT-OF-STOCK' })
  await shop.order(3)
  await shop.advance(30 * 3_600)
  return checkDatabase(world.database.db)
}

/** An endpoint that hangs up and then only fails: six attempts, at their times, and no seventh. */
export async function deadEndpoint(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world, { codes: 1 })
  const path = `/${shop.accountId}`
  const webhookSecret = `secret-${randomUUID()}`
  await putScript(world, path, [{ instead: 'close' }, { status: 500 }])
  await shop.client.insist({
    name: 'create the endpoint',
    method: 'POST',
    path: '/v2/webhooks',
    key: randomUUID(),
    body: { url: `${world.receiverUrl}${path}`, events: ['order.created'], secret: webhookSecret },
  })
  await shop.order(1)
  await shop.advance(20 * 3_600)
  const told = { accountId: shop.accountId, webhookPath: path, webhookSecret }
  const { rows } = await sql<{ state: string; attempt_count: number }>`
    select state, attempt_count from deliveries where account_id = ${shop.accountId}`.execute(db)
  const violations = [
    ...(await checkReceived(world, told, 0)),
    ...(await checkDatabase(db)),
    ...(await checkAttemptTimes(db, { accountId: shop.accountId, lateSecondsMax: 5 })),
  ]
  const isRight = rows.every(
    (row) => row.state === 'failed' && row.attempt_count === WEBHOOK_ATTEMPTS_MAX,
  )
  if (rows.length !== 1 || !isRight) {
    violations.push({ invariant: 'I18', what: 'not failed after exactly six attempts', rows })
  }
  return violations
}

/** Issuing an invoice fails twice after its number was taken: no number is lost. */
export async function billingFails(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world, { codes: 3 })
  const account = sql.lit(shop.accountId)
  const trigger = sql.id(`fails_${shop.accountId}`)
  await sql`create sequence ${trigger}`.execute(db)
  await sql`create function ${trigger}() returns trigger language plpgsql as $$
    begin
      if new.account_id = ${account} and nextval(${sql.lit(`fails_${shop.accountId}`)}) in (2, 3) then
        raise exception 'planted failure';
      end if;
      return new;
    end $$`.execute(db)
  await sql`create trigger ${trigger} after insert on invoices
    for each row execute function ${trigger}()`.execute(db)
  try {
    for (let day = 1; day <= 3; day++) {
      await shop.order(1)
      await shop.advance(26 * 3_600)
    }
  } finally {
    await sql`drop trigger ${trigger} on invoices`.execute(db)
  }
  const violations = await checkDatabase(db)
  const { rows } = await sql<{ count: bigint }>`
    select count(*) from invoices where account_id = ${shop.accountId}`.execute(db)
  if (rows[0]?.count !== 3n) violations.push({ invariant: 'I16', what: 'not three invoices', rows })
  return violations
}

/**
 * A day is closed by the merchant after its story has asked what to wait for and before it waits: the
 * wake-up that comes too early counts.
 */
export async function closedBeforeTheTimer(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world, { codes: 1 })
  let looks = 0
  let isLate = false
  await world.stack.restartWorker((activities) => ({
    ...activities,
    async stepPurchaseOrder(input) {
      looks += 1
      const found = await activities.stepPurchaseOrder(input)
      if (found.step === 'wait' && found.state === 'open') {
        await shop.client.insist({
          name: 'close the day',
          method: 'POST',
          path: `/v2/purchase-orders/${input.purchaseOrderId}/close`,
          key: randomUUID(),
          body: {},
        })
        await eventually(
          () => outboxRows(world, shop.accountId),
          (rows) => rows === 0n,
        )
        isLate = looks > 1
      }
      return found
    },
  }))
  try {
    await shop.order(1)
    const read = () =>
      db
        .selectFrom('purchase_orders')
        .select(['id', 'state'])
        .where('account_id', '=', shop.accountId)
        .execute()
    const isInvoiced = (rows: { state: string }[]) => rows[0]?.state === 'invoiced'
    const days = await eventually(read, isInvoiced, WAKE_UP_MS_MAX).catch(read)
    // A step that took too long was tried again, and the second look needs no wake-up: nothing was seen.
    if (isLate) return await closedBeforeTheTimer(world)
    if (days.length === 1 && isInvoiced(days)) return await checkDatabase(db)
    return [{ invariant: 'I27', what: 'a wake-up was lost: the day stays closed', rows: days }]
  } finally {
    await world.stack.restartWorker()
  }
}

/**
 * Must always be found: the product does all right, and then a delivered code is taken away by hand. A
 * checker that says nothing here says nothing anywhere.
 */
export async function codeTakenAway(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world, { codes: 1 })
  await shop.accept(1)
  await eventually(
    () => givenCodes(world, shop.accountId),
    (given) => given === 1n,
  )
  await inTransaction(db, async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx) // past every trigger
    await sql`delete from codes where account_id = ${shop.accountId}`.execute(tx)
  })
  return checkDatabase(db)
}

async function givenCodes({ database: { db } }: World, accountId: string): Promise<bigint> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) from codes where account_id = ${accountId} and unit_id is not null`.execute(db)
  return rows[0]?.count ?? 0n
}

/** Temporal is away when orders are accepted: every one of them is carried on when it is back. */
export async function temporalAway(world: World): Promise<Violation[]> {
  const ORDERS = 5
  const shop = await openShop(world, { codes: ORDERS })
  world.temporalLink.setMode({ kind: 'reset' })
  try {
    for (let orders = 0; orders < ORDERS; orders++) await shop.order(1)
    await eventually(
      () => outboxTries(world, shop.accountId),
      (tries) => tries > 0n,
      AWAY_MS,
    ).catch(() => undefined) // a bug may have taken them away
  } finally {
    world.temporalLink.setMode({ kind: 'pass' })
  }
  const read = () =>
    world.database.db
      .selectFrom('transactions')
      .select('id')
      .where('account_id', '=', shop.accountId)
      .where('ended_at', 'is', null)
      .execute()
  const open = await eventually(read, (rows) => rows.length === 0, 15_000).catch(read)
  const violations = await checkDatabase(world.database.db)
  if (open.length > 0) {
    violations.push({ invariant: 'I23', what: 'an order has no workflow', rows: open })
  }
  return violations
}

/** A command that Temporal will never take: it is set aside, and whose turn it is behind it comes on. */
export async function refusedCommand(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world, { codes: 1 })
  const subject = { transaction_id: NO_ID, customer_id: shop.customerId, customer_name: 'x' }
  await sql`insert into outbox (account_id, verb, workflow, subject, priority)
    values (${shop.accountId}, 'start', 'fulfillTransaction', ${JSON.stringify({
      ...subject,
      ...{ purchase_order_id: NO_ID, lines: 1, units: 1, total_minor: 1, currency: 'USD' },
    })}::jsonb, 2)`.execute(db)
  await shop.order(1)
  const read = () =>
    db
      .selectFrom('outbox')
      .select(['workflow', 'attempts', 'parked_at'])
      .where('account_id', '=', shop.accountId)
      .execute()
  const isAside = (rows: { parked_at: Date | null }[]) =>
    rows.length === 1 && rows[0]?.parked_at !== null
  const left = await eventually(read, isAside, PARKED_MS_MAX).catch(read)
  const violations = await checkDatabase(db)
  if (!isAside(left)) {
    violations.push({ invariant: 'I27', what: 'a refused command is tried for ever', rows: left })
  }
  return violations
}

async function outboxRows({ database: { db } }: World, accountId: string): Promise<bigint> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) from outbox where account_id = ${accountId}`.execute(db)
  return rows[0]?.count ?? 0n
}

async function outboxTries({ database: { db } }: World, accountId: string): Promise<bigint> {
  const { rows } = await sql<{ tries: bigint }>`
    select coalesce(max(attempts), 0)::bigint as tries from outbox
    where account_id = ${accountId} and last_error is not null`.execute(db)
  return rows[0]?.tries ?? 0n
}
