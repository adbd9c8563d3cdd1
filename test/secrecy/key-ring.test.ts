import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Database } from '../../db/client.ts'
import { insertDataKey, listDataKeys } from '../../db/data-keys.ts'
import { createLocalKeyProvider } from '../../secrets/key-provider.ts'
import { createKeyRing, makeDataKey, type SealedValue } from '../../secrets/key-ring.ts'
import { openKey, seal } from '../../secrets/vault.ts'
import { makeAccount } from '../factories.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'

/** What is sealed opens in its own place, whole, and nowhere else. */

let own: TestDatabase
let database: Database
const current = Buffer.alloc(32, 'now')
const former = Buffer.alloc(32, 'before')
const provider = createLocalKeyProvider({ current, former: [] })

beforeAll(async () => {
  own = await createTestDatabase('key_ring')
  database = openDatabase({
    url: own.url,
    poolSizeMax: 4,
    applicationName: 'key_ring',
    onError: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await own.drop()
})

test('opens what it sealed, in another process too, and the database knows no key', async () => {
  const { accountId } = await makeAccount(database)
  const keys = await createKeyRing(database.db, provider).forSealing(accountId)
  const value = { rowId: 'code_1', ...keys.seal('code_1', 'SECRET-TEXT') }
  const other = await createKeyRing(database.db, provider).forOpening(accountId, [value.keyVersion])
  expect(other.unseal(value)).toBe('SECRET-TEXT')
  const [row] = await listDataKeys(database.db, accountId)
  expect(row).toMatchObject({ version: 1, key_id: provider.currentId })
  expect(row?.wrapped?.includes(current)).toBe(false)
  expect(value.sealed.includes('SECRET-TEXT')).toBe(false)
})

test('a changed byte, a cut tag, another row, account or version never opens', async () => {
  const { accountId } = await makeAccount(database)
  const { accountId: stranger } = await makeAccount(database)
  const ring = createKeyRing(database.db, provider)
  const keys = await ring.forSealing(accountId)
  await makeDataKey(database.db, provider, accountId, 2)
  await makeDataKey(database.db, provider, stranger, 1)
  const opening = await ring.forOpening(accountId, [1, 2])
  const foreign = await ring.forOpening(stranger, [1])
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (plain, at, flip) => {
        const value: SealedValue = { rowId: 'code_1', ...keys.seal('code_1', plain) }
        expect(opening.unseal(value)).toBe(plain)
        const changed = Buffer.from(value.sealed)
        const index = at % changed.length
        changed.writeUInt8(changed.readUInt8(index) ^ flip, index)
        const wrong: SealedValue[] = [
          { ...value, sealed: changed },
          { ...value, rowId: 'code_2' },
          { ...value, keyVersion: 2 },
          ...[1, 4, 12, 15].map((cut) => ({ ...value, sealed: value.sealed.subarray(0, -cut) })),
          { ...value, sealed: Buffer.alloc(0) },
        ]
        for (const each of wrong) expect(() => opening.unseal(each)).toThrow(Error)
        expect(() => foreign.unseal(value)).toThrow(Error)
      },
    ),
  )
})

test('a data key that is moved to another account or version is refused', async () => {
  const { accountId } = await makeAccount(database)
  const { accountId: thief } = await makeAccount(database)
  await makeDataKey(database.db, provider, accountId, 1)
  const [row] = await listDataKeys(database.db, accountId)
  const wrapped = row?.wrapped ?? Buffer.alloc(0)
  const stolen = { keyId: provider.currentId, wrapped }
  await insertDataKey(database.db, { accountId: thief, version: 1, ...stolen })
  await expect(createKeyRing(database.db, provider).forSealing(thief)).rejects.toThrow(Error)
  await insertDataKey(database.db, { accountId, version: 2, ...stolen })
  await expect(createKeyRing(database.db, provider).forSealing(accountId)).rejects.toThrow(Error)
})

test('a key-encryption key that is not given is named, and a former one opens', async () => {
  const { accountId } = await makeAccount(database)
  const before = createLocalKeyProvider({ current: former, former: [] })
  const sealing = await createKeyRing(database.db, before).forSealing(accountId)
  const value = { rowId: 'code_1', ...sealing.seal('code_1', 'TEXT') }
  const open = (keys: Parameters<typeof createLocalKeyProvider>[0]) =>
    createKeyRing(database.db, createLocalKeyProvider(keys)).forOpening(accountId, [1])
  await expect(open({ current, former: [] })).rejects.toThrow(before.currentId)
  expect((await open({ current, former: [former] })).unseal(value)).toBe('TEXT')
})

test('what was sealed before data keys existed opens, and new values get a data key', async () => {
  const { accountId } = await makeAccount(database)
  await database.db.insertInto('data_keys').values({ account_id: accountId, version: 1 }).execute()
  const old = { accountId, rowId: 'code_1', keyVersion: 1 }
  const ring = createKeyRing(database.db, createLocalKeyProvider({ current, former: [former] }))
  for (const direct of [current, former]) {
    const value = { ...old, sealed: seal(openKey(direct), 'OLD-TEXT', old) }
    expect((await ring.forOpening(accountId, [1])).unseal(value)).toBe('OLD-TEXT')
  }
  const keys = await ring.forSealing(accountId)
  expect(keys.seal('code_2', 'NEW').keyVersion).toBe(2)
})

test('twenty who need the first data key at once agree on one', async () => {
  const { accountId } = await makeAccount(database)
  const rings = Array.from({ length: 20 }, () => createKeyRing(database.db, provider))
  const values = await Promise.all(
    rings.map(async (ring) => (await ring.forSealing(accountId)).seal('code_1', 'TEXT')),
  )
  expect(new Set(values.map(({ keyVersion }) => keyVersion))).toEqual(new Set([1]))
  const opening = await createKeyRing(database.db, provider).forOpening(accountId, [1])
  for (const value of values) expect(opening.unseal({ rowId: 'code_1', ...value })).toBe('TEXT')
})
