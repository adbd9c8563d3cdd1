import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeProduct, openWorld, type World } from '../sourcing/world.ts'

/** A large file through the program itself. `BARK_PROVE_IMPORT=1000000` for the promised size. */
const ROWS = Number(process.env['BARK_PROVE_IMPORT'] ?? 2_500)
const MEMORY_MIB_MAX = 350 // of the program in all, however long the file is
const TEST_MS_MAX = 60_000 + ROWS * 3
const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

let world: World
let folder: string
beforeAll(async () => {
  world = await openWorld('large_import')
  folder = await mkdtemp(join(tmpdir(), 'bark-import-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await world.close()
})

/** Line n of a file holds code n; `others` are lines that say something else. */
async function writeFile(
  sku: string,
  rows: number,
  others: Map<number, string> = new Map(),
): Promise<string> {
  const path = join(folder, `${sku}-${others.size}.csv`)
  function* lines() {
    yield 'sku,code\n'
    for (let line = 2; line <= rows + 1; line++) {
      yield `${others.get(line) ?? `${sku},BULK-${sku}-${line}`}\n`
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path))
  return path
}

type Imported = {
  exitCode: number
  answer: {
    imported: number
    problem_count?: number
    problems?: { line: number; message: string }[]
  }
  progress: string
  seconds: number
  /** Of the program, at its highest; 0 where the system does not tell. */
  memoryMib: number
}

async function importFile(path: string): Promise<Imported> {
  const startMs = performance.now()
  const child = spawn(
    process.execPath,
    [MAIN, 'codes', 'import', path, '--account', world.accountId, '--json'],
    { env: { ...process.env, DATABASE_URL: world.databaseUrl }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const said = { out: '', err: '' }
  child.stdout.on('data', (bytes: Buffer) => (said.out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (said.err += bytes.toString()))
  let memoryMib = 0
  const watch = setInterval(() => {
    readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => {
        const kib = /VmHWM:\s+(\d+)/.exec(status)?.[1]
        if (kib !== undefined) memoryMib = Number(kib) / 1024
      },
      () => undefined, // another system, or the program has ended
    )
  }, 100)
  const [exitCode] = (await once(child, 'close')) as [number]
  clearInterval(watch)
  const seconds = (performance.now() - startMs) / 1000
  if (said.out === '') throw new Error(said.err)
  const answer = JSON.parse(said.out) as Imported['answer']
  return { exitCode, answer, progress: said.err, seconds, memoryMib }
}

async function countCodes(): Promise<number> {
  const { rows } = await world.database.pool.query<{ n: number }>(
    'select count(*)::int as n from codes',
  )
  return rows[0]?.n ?? -1
}

test(
  `${ROWS.toLocaleString('en')} rows: none of a bad file, all of a good one, none of it again`,
  async () => {
    const { sku } = await makeProduct(world)
    const { sku: other } = await makeProduct(world)
    const small = await importFile(await writeFile(other, 10))
    expect(small.answer).toEqual({ imported: 10, woken: 0 })
    const before = await countCodes()

    const middle = ROWS / 2
    const bad = await importFile(
      await writeFile(
        sku,
        ROWS,
        new Map([
          [middle, `${sku},BULK-${other}-7`],
          [middle + 1, 'NO-SUCH-SKU,X-1'],
          [ROWS, `${sku},BULK-${sku}-2`],
          [ROWS + 1, `${sku},BULK-${sku}-2`],
        ]),
      ),
    )
    expect(bad.exitCode).toBe(1)
    expect(bad.answer).toEqual({
      imported: 0,
      problem_count: 4,
      problems: [
        { line: middle, message: 'this code is stored already' },
        { line: middle + 1, message: 'no product and no variant has this sku' },
        { line: ROWS, message: 'the same code stands on line 2' },
        { line: ROWS + 1, message: 'the same code stands on line 2' },
      ],
    })
    expect(await countCodes()).toBe(before)

    const file = await writeFile(sku, ROWS)
    const good = await importFile(file)
    expect(good).toMatchObject({ exitCode: 0, answer: { imported: ROWS } })
    expect(await countCodes()).toBe(before + ROWS)

    const again = await importFile(file)
    expect(again).toMatchObject({ exitCode: 1, answer: { imported: 0, problem_count: ROWS } })
    expect(await countCodes()).toBe(before + ROWS)
    expect(good.memoryMib).toBeLessThan(MEMORY_MIB_MAX)
    if (process.env['BARK_PROVE_IMPORT'] === undefined) return
    for (const [name, { seconds, memoryMib, progress }] of Object.entries({ bad, good, again })) {
      const figures = `${seconds.toFixed(1)} s, ${memoryMib.toFixed(0)} MiB`
      process.stdout.write(`${name}: ${figures}\n${progress}`)
    }
  },
  TEST_MS_MAX,
)
