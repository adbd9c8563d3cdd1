import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../cli/codes.ts'
import type { CommandContext } from '../../cli/command.ts'
import { readEnv, toConfig } from '../../config.ts'
import * as factories from '../factories.ts'
import { countUnits, makeProduct, openWorld, placeOrder, type World } from '../sourcing/world.ts'

let world: World
let folder: string
let databaseUrl: string
beforeAll(async () => {
  world = await openWorld('cli_codes')
  folder = await mkdtemp(join(tmpdir(), 'bark-codes-'))
  databaseUrl = world.database.pool.options.connectionString ?? ''
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await world.close()
})

/** Runs `bark codes import` on a file of these lines. */
async function importFile(
  lines: string[] | Buffer,
  json = false,
): Promise<{ exitCode: number; out: string[]; err: string[] }> {
  const path = join(folder, 'codes.csv')
  await writeFile(path, Array.isArray(lines) ? lines.join('\n') : lines)
  const out: string[] = []
  const err: string[] = []
  const context: CommandContext = {
    config: toConfig(readEnv({ DATABASE_URL: databaseUrl })),
    json,
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    dataDir: folder,
    running: null,
  }
  const exitCode = await run(['import', path, '--account', world.accountId], context)
  return { exitCode, out, err }
}

async function listPool(productId: string) {
  return world.database.db
    .selectFrom('codes')
    .selectAll()
    .where('product_id', '=', productId)
    .orderBy('type')
    .execute()
}

async function countCodes(): Promise<bigint> {
  const { rows } = await sql<{ n: bigint }>`select count(*) as n from codes`.execute(
    world.database.db,
  )
  return rows[0]?.n ?? -1n
}

test('imports codes of every type, encrypted, with leading zeros and expiry', async () => {
  const { id, sku } = await makeProduct(world)
  const imported = await importFile([
    '\ufeffSKU,code,pin,serial,url,expires_at',
    `${sku},"0001,2345",0042,SN1,,2099-12-31`,
    '',
    `${sku},AAAA-1111-BBBB,,,,2099-06-01T12:00:00+02:00`,
    `${sku},,,,https://redeem.example/x?y=1,`,
  ])
  expect(imported).toEqual({
    exitCode: 0,
    out: ['3 codes imported, 0 waiting orders woken'],
    err: [],
  })
  const { keys } = toConfig(readEnv({ DATABASE_URL: databaseUrl }))
  const pool = await listPool(id)
  const texts = await Promise.all(
    pool.map((row) => factories.openSealed(world.database, keys, row)),
  )
  const opened = texts.map((text): unknown => JSON.parse(text))
  expect(opened).toHaveLength(3)
  expect(opened).toContainEqual({ code: '0001,2345', pin: '0042', serial: 'SN1', url: null })
  expect(opened).toContainEqual({
    code: null,
    pin: null,
    serial: null,
    url: 'https://redeem.example/x?y=1',
  })
  expect(pool.map((row) => [row.type, row.expires_at?.toISOString() ?? null])).toEqual([
    ['code', '2099-06-01T10:00:00.000Z'],
    ['code_pin', '2100-01-01T00:00:00.000Z'],
    ['url', null],
  ])
})

test('imports nothing when one row is bad, and names each bad line without its code', async () => {
  const { sku } = await makeProduct(world)
  const physical = await factories.makeProduct(world.database, world.accountId, {
    fulfillmentType: 'physical',
  })
  await importFile(['sku,code', `${sku},STORED-STORED`])
  const before = await countCodes()
  const { exitCode, out, err } = await importFile([
    'sku,code,pin,url,expires_at',
    `${sku},SECRET-GOOD-0001,,,`,
    `NOPE,SECRET-0002,,,`,
    `${sku},,,,`,
    `${sku},SECRET-GOOD-0001,,,`,
    `${sku},STORED-STORED,,,`,
    `${sku},SECRET-0003,,,2027-02-30`,
    `${sku},SECRET-0004,,,2020-01-01`,
    `${physical.sku},SECRET-0005,,,`,
    `${sku},SECRET-0006,,`,
    `${sku},,1234,https://x.example/1,`,
    `${sku},,,ftp://x.example/SECRET-0007,`,
    `,SECRET-0008,,,`,
    `${sku},SECRET\u0007-0009,,,`,
    `${sku},SECRET-0010,,,${new Date(Date.now() + 3_600_000).toISOString()}`,
  ])
  expect(exitCode).toBe(1)
  expect(out).toEqual([])
  expect(err).toEqual([
    'line 3: no product and no variant has this sku',
    'line 4: code and url are both empty',
    'line 5: the same code stands on line 2',
    'line 6: this code is stored already',
    'line 7: expires_at is neither a date (2027-12-31) nor an RFC 3339 instant',
    'line 8: has expired already',
    'line 9: the product of this sku has no codes: its fulfillment_type is physical',
    'line 10: has 4 columns and not 5',
    'line 11: pin stands without a code',
    'line 12: url is not an http or https address',
    'line 13: sku is empty',
    'line 14: code has a control character in it',
    'line 15: expires too soon to be given to anybody',
    'Nothing was imported.',
  ])
  expect(err.join('\n')).not.toContain('SECRET')
  expect(await countCodes()).toBe(before)
})

test.each([
  ['a file without a header', Buffer.from('XK7Q-AAAA,1\n')],
  ['an unknown column', Buffer.from('sku,code,colour\nA,B,C\n')],
  ['a column that comes twice', Buffer.from('sku,code,code\nA,B,C\n')],
  ['an empty file', Buffer.from('')],
])('refuses %s', async (_, bytes) => {
  const { exitCode, err } = await importFile(bytes)
  expect(exitCode).toBe(1)
  expect(err[0]).toMatch(/^line 1: the first line must name the columns, of sku, code, pin/)
  expect(err.join('\n')).not.toContain('XK7Q')
})

test.each([
  ['a quote that is not closed', Buffer.from('sku,code\nA,"SECRET-1\nB,C\n'), 'a quote is missing'],
  ['text behind a quote', Buffer.from('sku,code\nA,"SECRET"1\n'), 'a quote is missing'],
  ['a row without end', Buffer.from(`sku,code\nA,"${'SECRET'.repeat(4_000)}`), 'is too long'],
  ['Latin-1', Buffer.from('sku,code\nA,SECRET\xe9\n', 'latin1'), 'is not UTF-8'],
])('refuses %s', async (_, bytes, message) => {
  const before = await countCodes()
  const { exitCode, err } = await importFile(bytes)
  expect(exitCode).toBe(1)
  expect(err.join('\n')).toContain(message)
  expect(err.join('\n')).not.toContain('SECRET')
  expect(await countCodes()).toBe(before)
})

test('keeps the first hundred problems and counts the others', async () => {
  const lines = Array.from({ length: 2_500 }, (_, index) => `NOPE,CODE-${index}`)
  const { out } = await importFile(['sku,code', ...lines], true)
  const result = JSON.parse(out[0] ?? '') as { problems: { line: number }[]; problem_count: number }
  expect(result).toMatchObject({ imported: 0, problem_count: 2_500 })
  expect(result.problems).toHaveLength(100)
  expect(result.problems[99]?.line).toBe(101)
})

test('wakes each waiting transaction of these products once, oldest first', async () => {
  const product = await makeProduct(world)
  const { sku } = product
  const waiting = [
    await placeOrder(world, product, 2),
    await placeOrder(world, product, 1),
    await placeOrder(world, product, 1),
  ]
  await placeOrder(world, await makeProduct(world), 1)
  await sql`delete from outbox`.execute(world.database.db)
  const codes = Array.from({ length: 3 }, (_, index) => `${sku},WAKE-${sku}-${index}`)
  expect(await importFile(['sku,code', ...codes], true)).toEqual({
    exitCode: 0,
    out: ['{"imported":3,"woken":3}'],
    err: [],
  })
  const { rows } = await sql<{ subject: unknown; verb: string; workflow: string; name: string }>`
    select verb, workflow, subject, signal ->> 'name' as name from outbox order by id`.execute(
    world.database.db,
  )
  expect(rows).toEqual(
    waiting.map(({ transactionId }) => ({
      verb: 'signal',
      workflow: 'fulfillTransaction',
      subject: { transaction_id: transactionId },
      name: 'wokenUp',
    })),
  )
  for (const order of waiting) await world.activities.awaitCodes(order)
  expect(await Promise.all(waiting.map((order) => countUnits(world, order)))).toEqual([
    { allocated: 2 },
    { allocated: 1 },
    { queued: 1 },
  ])
})

test('of two imports of one file at the same time one stores it, the other hears that it is stored', async () => {
  const { id, sku } = await makeProduct(world)
  const lines = Array.from({ length: 1_500 }, (_, index) => `${sku},TWICE-${sku}-${index}`)
  const both = await Promise.all([
    importFile(['sku,code', ...lines], true),
    importFile(['sku,code', ...lines], true),
  ])
  const told = both.map(({ out }) => JSON.parse(out[0] ?? '') as Record<string, unknown>)
  expect(told).toContainEqual({ imported: 1_500, woken: 0 })
  expect(told).toContainEqual(expect.objectContaining({ imported: 0, problem_count: 1_500 }))
  expect(await listPool(id)).toHaveLength(1_500)
})
