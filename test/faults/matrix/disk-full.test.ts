import { execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { appendFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { preparePostgres, type EmbeddedPostgres } from '../../../cli/postgres.ts'
import { migrate } from '../../../db/migrate.ts'
import { openHistory, type Try } from '../history.ts'
import { pause, startMortal, type Mortal } from '../mortal.ts'
import { readRun } from '../run.ts'
import { openShop } from '../scenarios/shop.ts'
import { openFleet, type Fleet } from './fleet.ts'
import { proveRow } from './prove.ts'

/**
 * PostgreSQL on a small file system of its own that fills up: data, WAL and temporary files at once.
 * Making one takes the right to mount, which containers often have not.
 */

const FILE = 'test/faults/matrix/disk-full.test.ts'
const SIZE_MIB = 260 // an empty cluster and its first WAL segments, and little more
const FULL_MS = 4_000
const run = readRun()

const folder = mkdtempSync(join(tmpdir(), 'bark-disk-'))
const mountable = mountSmall()
if (!mountable) process.stdout.write('disk full: not tried, this user may not mount a tmpfs\n')

let postgres: Mortal
let fleet: Fleet
beforeAll(async () => {
  if (!mountable) return
  const prepared: EmbeddedPostgres = await preparePostgres(folder, {
    durable: false,
    env: process.env,
  })
  postgres = await startMortal(prepared.child, { line: () => undefined })
  await prepared.prepareDatabase()
  await migrate(prepared.url)
  fleet = await openFleet('matrix_disk', { databaseUrl: prepared.url })
}, 120_000)
afterAll(async () => {
  if (mountable) {
    await fleet.stop()
    await postgres.stop()
    execFileSync('umount', ['-l', folder])
  }
  rmSync(folder, { recursive: true, force: true })
})

test.runIf(mountable)(
  'a full disk is 503 and never 500, no promise breaks, and it heals alone',
  async () => {
    const tries: Try[] = []
    const shop = await openShop(fleet, { codes: 1 })
    const client = openHistory(fleet.apiUrl, shop.apiKey)
    const filler = join(folder, 'filler')
    const order = () =>
      client.ask({
        name: 'big order',
        method: 'POST',
        path: '/v2/transactions',
        key: randomUUID(),
        body: {
          customer_id: shop.customerId,
          items: [{ sku: shop.sku, quantity: 200 }],
          metadata: { note: randomBytes(200).toString('hex') },
        },
      })
    await proveRow(fleet, run, {
      name: 'disk full',
      file: FILE,
      disturbances: 3,
      async disturb() {
        await pause(500)
        fill(filler)
        const until = performance.now() + FULL_MS
        while (performance.now() < until) tries.push(await order())
        rmSync(filler)
        await postgres.up()
      },
    })
    const seen = new Set(tries.map(({ status }) => status))
    expect([...seen].filter((status) => status !== 503 && status !== 201)).toEqual([])
    expect(seen).toContain(503)
  },
  180_000,
)

/** A file system of its own, gone with its last file; false where that is not allowed. */
function mountSmall(): boolean {
  try {
    const options = `size=${SIZE_MIB}m,mode=0755`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' })
    chmodSync(folder, 0o755)
    return true
  } catch {
    return false // no mount program, or not root: the row says so
  }
}

/** Takes every byte that is left. */
function fill(file: string): void {
  for (const size of [1 << 20, 1 << 12]) {
    const block = Buffer.alloc(size)
    try {
      for (;;) appendFileSync(file, block)
    } catch (error) {
      if (Reflect.get(Object(error), 'code') !== 'ENOSPC') throw error
    }
  }
}
