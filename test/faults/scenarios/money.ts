import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { eventually } from '../../harness.ts'
import { checkMoney } from '../check-psp.ts'
import { checkDatabase, type Violation } from '../invariants.ts'
import { fieldsOf, textOf } from '../json.ts'
import type { World } from '../world.ts'
import { openShop } from './shop.ts'

const AMOUNT = 10_000
const REFUND = 4_000
const PAST_THE_NEXT_TRY_SECONDS = 60

/**
 * The payment service does what it is asked and its reply is lost, of the authorisation, of the capture
 * and of the refund, and its events do not come through either: each thing is done once and known.
 */
export async function moneyRepliesLost(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world)
  const connected = shop.accountId.replace(/^acc_/, 'acct_')
  const psp = world.stack.psp()
  const post = async (path: string, body: object) => {
    const asking = { name: path, method: 'POST' as const, path, key: randomUUID(), body }
    return fieldsOf((await shop.client.ask(asking)).body)
  }
  /** Asks for something, and moves the clock past the moment at which it is tried again. */
  const losing = async (operation: string, path: string, body: object) => {
    await psp.plant(connected, operation, 'drop_after')
    const made = await post(path, body)
    await shop.advance(PAST_THE_NEXT_TRY_SECONDS)
    return String(made['id'])
  }
  const events = await refuseEvents(world, connected)
  try {
    const id = await losing('authorize', '/v2/payments/intents', {
      amount: AMOUNT,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      capture_method: 'manual',
    })
    await losing('capture', `/v2/payments/${id}/capture`, {})
    await losing('refund', `/v2/payments/${id}/refund`, { amount: REFUND })
    const payments = [{ id, capturedMinor: AMOUNT, refundedMinor: REFUND }]
    const { accountId } = shop
    return [...(await checkMoney(world, { accountId, payments })), ...(await checkDatabase(db))]
  } finally {
    await events.comeAgain()
  }
}

/** Nobody pays an order by card: its price is known, and it gets no code. */
export async function unpaidOrder(world: World): Promise<Violation[]> {
  const { db } = world.database
  const shop = await openShop(world, { codes: 1 })
  const path = '/v2/transactions'
  const items = [{ sku: shop.sku, quantity: 1 }]
  const body = { customer_id: shop.customerId, items, payment_method: 'card' }
  const asking = { name: 'order by card', method: 'POST' as const, path, key: randomUUID(), body }
  const order = await shop.client.insist(asking)
  const id = textOf(fieldsOf(order.body), 'id')
  await eventually(
    () => shop.client.insist({ name: 'what is due', path: `${path}/${id}` }),
    (read) => Number(fieldsOf(fieldsOf(read.body)['payment'])['due_minor']) > 0,
  )
  await shop.advance(PAST_THE_NEXT_TRY_SECONDS)
  return checkDatabase(db)
}

/** Events of one account at the payment service meet an error; they are told again later. */
async function refuseEvents({ database: { db } }: World, connected: string) {
  const trigger = sql.id(`refuses_${connected}`)
  await sql`create function ${trigger}() returns trigger language plpgsql as $$
    begin
      if new.provider_account = ${sql.lit(connected)} then
        raise exception 'planted failure';
      end if;
      return new;
    end $$`.execute(db)
  await sql`create trigger ${trigger} before insert on psp_events
    for each row execute function ${trigger}()`.execute(db)
  return {
    async comeAgain(): Promise<void> {
      await sql`drop trigger ${trigger} on psp_events`.execute(db)
    },
  }
}
