import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../harness.ts'
import { checkDrained } from '../check-drained.ts'
import { checkDatabase } from '../invariants.ts'
import { fieldsOf, textOf } from '../json.ts'
import { pause } from '../mortal.ts'
import { seededRandom } from '../random.ts'
import { readRun } from '../run.ts'
import { openShop, type Shop } from '../scenarios/shop.ts'
import { openWorld, type World } from '../world.ts'

/** PostgreSQL ends sessions, breaks deadlocks and refuses to serialize, at random and for ever. */

const run = readRun()
const long = run.matrix === 'all'
const CLIENTS = 8

let world: World
beforeAll(async () => {
  world = await openWorld('matrix_sessions')
}, 60_000)
afterAll(() => world.stop())

test(
  `sessions are ended at random while ${CLIENTS} clients order (seed ${run.seed})`,
  async () => {
    const ORDERS_EACH = long ? 200 : 8
    const random = seededRandom(run.seed)
    const shop = await openShop(world, { codes: CLIENTS * ORDERS_EACH })
    let ended = 0
    let ordering = true
    const endSessions = async (): Promise<void> => {
      while (ordering) {
        const { rows } = await sql<{ done: boolean }>`
          select pg_terminate_backend(pid) as done from pg_stat_activity
          where datname = current_database() and application_name in ('bark-api', 'bark-worker')
          order by random() limit ${1 + random.integer(3)}`.execute(world.database.db)
        ended += rows.length
        await pause(20 + random.integer(80))
      }
    }
    const client = async (): Promise<string[]> => {
      const ids: string[] = []
      for (let orders = 0; orders < ORDERS_EACH; orders++) ids.push(await shop.order(1))
      return ids
    }
    const clients = Promise.all(Array.from({ length: CLIENTS }, client)).finally(() => {
      ordering = false
    })
    const [ids] = await Promise.all([clients, endSessions()])
    expect(ended).toBeGreaterThan(CLIENTS)
    await isWhole(shop, ids.flat())
  },
  long ? 300_000 : 90_000,
)

test('deadlocks with somebody who locks in another order: one of the two is tried again', async () => {
  const ORDERS = long ? 60 : 6
  const shop = await openShop(world, { codes: ORDERS + 1 })
  const first = await shop.order(1)
  const ids = [first]
  for (let orders = 0; orders < ORDERS; orders++) {
    // The stranger holds the balance that the acceptance needs, and wants its customer.
    const stranger = await world.database.pool.connect()
    try {
      await stranger.query('begin')
      await stranger.query(`set local deadlock_timeout = '100ms'`)
      await stranger.query(
        `select 1 from customer_balances where account_id = $1 and customer_id = $2 for update`,
        [shop.accountId, shop.customerId],
      )
      const ordering = shop.order(1)
      await eventually(
        async () =>
          (
            await sql`select 1 from pg_locks where not granted and pid in (
            select pid from pg_stat_activity where datname = current_database()
              and application_name = 'bark-api')`.execute(world.database.db)
          ).rows.length,
        (waiting) => waiting > 0,
      )
      await stranger
        .query('select 1 from customers where id = $1 for update', [shop.customerId])
        .catch((error: unknown) => {
          if (Reflect.get(Object(error), 'code') !== '40P01') throw error
        })
      await stranger.query('rollback')
      ids.push(await ordering)
    } finally {
      stranger.release()
    }
  }
  expect(ids).toHaveLength(ORDERS + 1)
  await isWhole(shop, ids)
}, 120_000)

test('a conflict is tried again four times at most, and what outlives them is 503 and wrote nothing', async () => {
  const shop = await openShop(world, { codes: 3 })
  const failing = await failWith('40001', shop.accountId)
  const key = randomUUID()
  const asking = {
    name: 'order',
    method: 'POST' as const,
    path: '/v2/transactions',
    key,
    body: { customer_id: shop.customerId, items: [{ sku: shop.sku, quantity: 1 }] },
  }
  await failing.times(3)
  const third = await shop.client.ask(asking)
  await failing.times(1_000)
  const never = await shop.client.ask({ ...asking, key: randomUUID() })
  const tries = 1_000 - (await failing.left())
  await failing.end()
  expect(third.status).toBe(201)
  expect(never).toMatchObject({ status: 503, retryAfter: '1' })
  expect(tries).toBe(5) // once among what waits, and then four times alone
  await isWhole(shop, [textOf(fieldsOf(third.body), 'id')])
})

/** Makes the next inserts of an account's orders fail. */
async function failWith(state: string, accountId: string) {
  const { db } = world.database
  const name = `fails_${accountId}`
  const sequence = sql.lit(name)
  await sql`create sequence ${sql.id(name)} increment by -1
    minvalue -1000000 maxvalue 1000000 start 1`.execute(db)
  await sql`create function ${sql.id(name)}() returns trigger language plpgsql as $$
    begin
      if new.account_id = ${sql.lit(accountId)} and nextval(${sequence}) > 0 then
        raise exception 'planted failure' using errcode = ${sql.lit(state)};
      end if;
      return new;
    end $$`.execute(db)
  await sql`create trigger ${sql.id(name)} before insert on transactions
    for each row execute function ${sql.id(name)}()`.execute(db)
  return {
    times: (count: number) => sql`select setval(${sequence}, ${count}, false)`.execute(db),
    /** How many failures of those ordered were not used. */
    async left() {
      const { rows } = await sql<{ left: bigint }>`
        select last_value - case when is_called then 1 else 0 end as left
        from ${sql.id(name)}`.execute(db)
      return Number(rows[0]?.left)
    },
    end: () => sql`drop trigger ${sql.id(name)} on transactions`.execute(db),
  }
}

/** Every acknowledged order is there once and has its code, and nothing else is. */
async function isWhole(shop: Shop, acknowledged: string[]): Promise<void> {
  const { db } = world.database
  await eventually(
    () => checkDrained(db),
    (left) => left.length === 0,
    60_000,
  )
  const { rows } = await sql<{ id: string }>`select id from transactions
    where account_id = ${shop.accountId} and ended_at is not null`.execute(db)
  expect(rows.map(({ id }) => id).toSorted()).toEqual(acknowledged.toSorted())
  expect(await checkDatabase(db)).toEqual([])
}
