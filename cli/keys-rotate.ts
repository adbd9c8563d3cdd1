import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { inTransaction, type Db } from '../db/client.ts'
import {
  deleteRetiredDataKeys,
  listDataKeys,
  listForeignDataKeys,
  listSealingAccounts,
  retireDataKeys,
  updateWrapping,
} from '../db/data-keys.ts'
import {
  countSealedBelow,
  lockSealedRows,
  SEALED_TABLES,
  updateSealedRows,
  type SealedTable,
} from '../db/sealed-rows.ts'
import { createLocalKeyProvider, type KeyProvider } from '../secrets/key-provider.ts'
import {
  createKeyRing,
  KEY_RING_SECONDS,
  makeDataKey,
  type AccountKeys,
  type KeyRing,
  type SealedValue,
} from '../secrets/key-ring.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openCommandDatabase } from './command-database.ts'
import { showProgress, type Progress } from './progress.ts'

/**
 * Values per transaction: it holds their rows for a few milliseconds, and an order that looks into
 * the pool meanwhile passes them by.
 */
const BATCH_ROWS = 50
/** A retired data key stays readable for whoever has read a row of its before. */
const RETIRED_SECONDS = 3_600
/** After so long no process seals under an older data key: its ring has read the newer one. */
const SETTLE_MS = (KEY_RING_SECONDS + 5) * 1_000

export type Rotation = {
  rewrapped: number
  sealedAnew: number
  /** What no key opens: `table place`. Its data key stays. */
  unreadable: string[]
  retired: number
  deleted: number
}

/** `bark keys rotate-encryption`. */
export async function rotateEncryption(args: string[], context: CommandContext): Promise<number> {
  requireNoArguments(args)
  const database = openCommandDatabase(context, 'bark keys rotate-encryption', { poolSizeMax: 2 })
  try {
    const provider = createLocalKeyProvider(context.config.keys.encryption)
    const done = await rotate(database.db, provider, {
      settle: () => {
        context.err('Waiting until every process seals under the new data keys.')
        return delay(SETTLE_MS)
      },
      progress: (label, total) => showProgress(context, label, total),
    })
    print(done, context)
    return done.unreadable.length === 0 ? 0 : 1
  } finally {
    await database.close()
  }
}

function requireNoArguments(args: string[]): void {
  try {
    parseArgs({ args, options: {} })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function print(done: Rotation, { json, out, err }: CommandContext): void {
  const { rewrapped, sealedAnew, unreadable, retired, deleted } = done
  if (json) {
    out(JSON.stringify({ rewrapped, sealed_anew: sealedAnew, unreadable, retired, deleted }))
    return
  }
  out(
    `${rewrapped} data keys wrapped anew, ${sealedAnew} values sealed anew, ` +
      `${retired} data keys retired, ${deleted} deleted`,
  )
  for (const place of unreadable) err(`No key opens ${place}.`)
}

/**
 * Wraps every data key with the current key-encryption key, gives each account a new data key, seals
 * everything anew under it, and retires the old ones. Orders go on meanwhile. Safe to stop at any
 * point and to run twice, also at once: a rotation that was begun is finished before another begins.
 */
export async function rotate(
  db: Db,
  provider: KeyProvider,
  options: { settle(): Promise<void>; progress(label: string, total: number): Progress },
): Promise<Rotation> {
  const deleted = await deleteRetiredDataKeys(db, RETIRED_SECONDS)
  const rewrapped = await rewrap(db, provider)
  const targets: Target[] = []
  for (const accountId of await listSealingAccounts(db)) {
    targets.push({ accountId, version: await beginRotation(db, provider, accountId) })
  }
  const ring = createKeyRing(db, provider)
  const unreadable = new Set<string>()
  const walk = { db, ring, unreadable }
  let sealedAnew = await sealAll(walk, targets, options.progress)
  // Processes may have sealed under the data key that they knew; soon all of them know the new one.
  await options.settle()
  sealedAnew += await sealAll(walk, targets, options.progress)
  let retired = 0
  for (const { accountId, version } of targets) {
    retired += await retireDataKeys(db, accountId, version)
  }
  return { rewrapped, sealedAnew, unreadable: [...unreadable], retired, deleted }
}

/** An account, and the version that its values shall be under. */
type Target = { accountId: string; version: number }

/** At once and first: afterwards the former key-encryption keys open no data key any more. */
async function rewrap(db: Db, provider: KeyProvider): Promise<number> {
  const foreign = await listForeignDataKeys(db, provider.currentId)
  for (const row of foreign) {
    const place = { accountId: row.account_id, version: row.version }
    const dataKey = await provider.unwrap({ keyId: row.key_id, wrapped: row.wrapped }, place)
    await updateWrapping(db, row, await provider.wrap(dataKey, place))
  }
  return foreign.length
}

/** The version that an account's values shall be under: a begun rotation's, else a new one. */
async function beginRotation(db: Db, provider: KeyProvider, accountId: string): Promise<number> {
  const keys = await listDataKeys(db, accountId)
  const live = keys.filter((key) => key.retired_at === null)
  const newest = live.findLast((key) => key.wrapped !== null)
  if (newest !== undefined && live.length > 1) return newest.version
  const version = Math.max(0, ...keys.map((key) => key.version)) + 1
  await makeDataKey(db, provider, accountId, version)
  return version
}

type Walk = { db: Db; ring: KeyRing; unreadable: Set<string> }

async function sealAll(
  walk: Walk,
  targets: Target[],
  progress: (label: string, total: number) => Progress,
): Promise<number> {
  let total = 0
  for (const { accountId, version } of targets) {
    total += await countSealedBelow(walk.db, accountId, version)
  }
  const shown = progress('values sealed anew', total)
  for (const target of targets) {
    for (const table of SEALED_TABLES) {
      for (let after: string | null = ''; after !== null;) {
        after = await sealBatch(walk, table, target, after, shown)
      }
    }
  }
  return shown.done()
}

/** Answers the place of the last value, or null when there is nothing more to do. */
async function sealBatch(
  { db, ring, unreadable }: Walk,
  table: SealedTable,
  { accountId, version }: Target,
  after: string,
  progress: Progress,
): Promise<string | null> {
  const batch = { accountId, below: version, after, rowsMax: BATCH_ROWS }
  const result = await inTransaction(db, async (tx) => {
    const rows = await lockSealedRows(tx, table, batch)
    if (rows.length === 0) return null
    const keys = await ring.forSealing(accountId)
    const opening = await ring.forOpening(accountId, new Set(rows.map((row) => row.key_version)))
    const fresh: Parameters<typeof updateSealedRows>[3] = []
    const bad: string[] = []
    for (const { place, sealed, key_version: keyVersion } of rows) {
      const plain = tryUnseal(opening, { rowId: place, sealed, keyVersion })
      if (plain === null) bad.push(`${table} ${place}`)
      else fresh.push({ place, ...keys.seal(place, plain) })
    }
    await updateSealedRows(tx, table, accountId, fresh)
    return { last: rows.at(-1)?.place ?? null, fresh: fresh.length, bad }
  })
  if (result === null) return null
  progress.add(result.fresh)
  for (const place of result.bad) unreadable.add(place)
  return table === 'idempotency_keys' && result.fresh === 0 ? null : result.last
}

/** One value that somebody spoiled must not keep all others under the old key. */
function tryUnseal(keys: AccountKeys, value: SealedValue): string | null {
  try {
    return keys.unseal(value)
  } catch {
    return null // it is reported by its place
  }
}
