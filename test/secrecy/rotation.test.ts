import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotate } from '../../cli/keys-rotate.ts'
import { listDataKeys } from '../../db/data-keys.ts'
import { createLocalKeyProvider } from '../../secrets/key-provider.ts'
import { openKey, seal } from '../../secrets/vault.ts'
import { importCodes, makeAccount, openSealed } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/** Keys change while orders go on: every value stays readable, and old keys go when nothing needs them. */

const ORDERS = Number(process.env['BARK_PROVE_ROTATION'] ?? 24)

let stack: Stack
beforeAll(async () => {
  stack = await startStack('rotation')
})
afterAll(() => stack.stop())

const silent = {
  settle: () => Promise.resolve(),
  progress: () => {
    let count = 0
    return {
      add: (more: number) => {
        count += more
      },
      done: () => count,
    }
  },
}
const provider = () => createLocalKeyProvider(stack.config.keys.encryption)

/** Reads every sealed code of an account as get-codes would; throws when one cannot be read. */
async function readAll(accountId: string) {
  const rows = await stack.database.db
    .selectFrom('codes')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('id')
    .execute()
  return Promise.all(
    rows.map(async (row) => ({
      version: row.key_version,
      text: await openSealed(stack.database, stack.config.keys, row),
    })),
  )
}

const versionsOf = async (accountId: string) =>
  (await listDataKeys(stack.database.db, accountId)).map(({ version, retired_at }) => ({
    version,
    isRetired: retired_at !== null,
  }))

async function orderAndRead(shop: OpenShop): Promise<void> {
  const key = randomUUID()
  // A busy machine may say 503 to one of several orders of a customer: the key makes it one order.
  const id = await eventually(
    () => shop.order([{ sku: shop.pooled.sku, quantity: 2 }], key).catch(() => null),
    (made) => made !== null,
  )
  let final = false
  while (!final) {
    const answer = await shop.client.get<{ final: boolean; delivered: number }>(
      `/v2/transactions/${id}/codes`,
      { headers: { Prefer: 'wait=5' } },
    )
    expect(answer.status).toBe(200)
    final = answer.body.final
  }
}

test('two rotations at once under load leave no code that cannot be read', async () => {
  const shop = await openShop(stack, { codes: ORDERS * 2 })
  const { accountId } = shop.account
  const before = (await readAll(accountId)).map(({ text }) => text)
  let isOver = false
  const orders = async () => {
    for (let n = 0; n < ORDERS / 2; n++) await orderAndRead(shop)
  }
  const imports = async () => {
    while (!isOver) {
      await importCodes(
        stack.database,
        stack.config.keys,
        shop.account,
        { productId: shop.pooled.id },
        5,
      )
      await shop.client.post(
        '/v2/customers',
        { email: `${randomUUID()}@example.com` },
        { headers: { 'Idempotency-Key': randomUUID() } },
      )
    }
  }
  const importing = imports()
  const [first, second] = await Promise.all([
    rotate(stack.database.db, provider(), silent),
    rotate(stack.database.db, provider(), silent),
    orders(),
    orders(),
  ]).finally(() => {
    isOver = true
  })
  await importing
  expect([...first.unreadable, ...second.unreadable]).toEqual([])
  expect(first.sealedAnew + second.sealedAnew).toBeGreaterThanOrEqual(before.length)
  // What was sealed under the old key meanwhile goes with the next run, which finishes this one.
  const last = await rotate(stack.database.db, provider(), silent)
  expect(last.unreadable).toEqual([])
  const now = await readAll(accountId)
  expect(now.map(({ text }) => text)).toEqual(expect.arrayContaining(before))
  const live = (await versionsOf(accountId)).filter(({ isRetired }) => !isRetired)
  expect(new Set(now.map(({ version }) => version))).toEqual(
    new Set(live.map((key) => key.version)),
  )
  expect(live).toHaveLength(1)
}, 90_000)

test('a rotation that was stopped is finished by the next run, not begun anew', async () => {
  const account = await makeAccount(stack.database)
  const shop = await openShop(stack, { codes: 130 })
  const { accountId } = shop.account
  const stopping = {
    ...silent,
    progress: () => ({
      ...silent.progress(),
      add: () => {
        throw new Error('stopped')
      },
    }),
  }
  await expect(rotate(stack.database.db, provider(), stopping)).rejects.toThrow('stopped')
  const readable = await readAll(accountId)
  expect(readable).toHaveLength(130)
  await rotate(stack.database.db, provider(), silent)
  expect(new Set((await readAll(accountId)).map(({ version }) => version))).toEqual(new Set([2]))
  expect(await versionsOf(accountId)).toEqual([
    { version: 1, isRetired: true },
    { version: 2, isRetired: false },
  ])
  expect(await versionsOf(account.accountId)).toEqual([])
})

test('a new key-encryption key takes over at once, and the former one is needed no more', async () => {
  const shop = await openShop(stack, { codes: 3 })
  const { accountId } = shop.account
  const { current } = stack.config.keys.encryption
  const fresh = randomBytes(32)
  const both = createLocalKeyProvider({ current: fresh, former: [current] })
  const done = await rotate(stack.database.db, both, silent)
  expect(done.rewrapped).toBeGreaterThan(0)
  const keys = { ...stack.config.keys, encryption: { current: fresh, former: [] } }
  const rows = await stack.database.db
    .selectFrom('codes')
    .selectAll()
    .where('account_id', '=', accountId)
    .execute()
  const texts = await Promise.all(rows.map((row) => openSealed(stack.database, keys, row)))
  expect(texts.map((text) => (JSON.parse(text) as { code: string }).code).toSorted()).toEqual(
    shop.codes.toSorted(),
  )
  // Back, because the other tests of this file run on the first key.
  await rotate(stack.database.db, createLocalKeyProvider({ current, former: [fresh] }), silent)
})

test('codes that were sealed before data keys existed move under one', async () => {
  const shop = await openShop(stack, { codes: 2 })
  const { accountId } = shop.account
  const { db } = stack.database
  const { current } = stack.config.keys.encryption
  // As the migration leaves an account of that time.
  const rows = await db
    .selectFrom('codes')
    .selectAll()
    .where('account_id', '=', accountId)
    .execute()
  const texts = await Promise.all(
    rows.map((row) => openSealed(stack.database, stack.config.keys, row)),
  )
  await sql`update data_keys set key_id = null, wrapped = null where account_id = ${accountId}`.execute(
    db,
  )
  for (const [index, row] of rows.entries()) {
    const sealed = seal(openKey(current), texts[index] ?? '', {
      accountId,
      rowId: row.id,
      keyVersion: 1,
    })
    await db.updateTable('codes').set({ sealed }).where('id', '=', row.id).execute()
  }
  await orderAndRead(shop)
  await rotate(db, provider(), silent)
  const after = await readAll(accountId)
  expect(after.map(({ text }) => text).toSorted()).toEqual(texts.toSorted())
  expect(after.every(({ version }) => version === 2)).toBe(true)
})

test('a data key under which something is sealed cannot be deleted, and stays unretired', async () => {
  const shop = await openShop(stack, { codes: 2 })
  const { accountId } = shop.account
  const { db } = stack.database
  await expect(
    db.deleteFrom('data_keys').where('account_id', '=', accountId).execute(),
  ).rejects.toThrow(/foreign key/)
  // One value that somebody spoiled keeps its key, is named, and stops nothing else.
  const spoiled = await db
    .selectFrom('codes')
    .select('id')
    .where('account_id', '=', accountId)
    .orderBy('id')
    .limit(1)
    .executeTakeFirstOrThrow()
  await sql`update codes set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)
    where id = ${spoiled.id}`.execute(db)
  const done = await rotate(db, provider(), silent)
  expect(done.unreadable).toEqual([`codes ${spoiled.id}`])
  expect(await versionsOf(accountId)).toEqual([
    { version: 1, isRetired: false },
    { version: 2, isRetired: false },
  ])
})
