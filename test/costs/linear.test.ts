import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../stack.ts'

/**
 * Closing ten times as many purchase orders costs ten times as much and no more memory: in processor time,
 * which another job on the machine changes little. BARK_PROVE_CLOSES says how many (300 is the proof).
 */
const CLOSES = Number(process.env['BARK_PROVE_CLOSES'] ?? 4)
const MORE = 10
/** A busy machine makes a pair worse now and then; a cost that grows faster makes every one worse. */
const PAIRS_MAX = 3
const RATIO_MAX = 11.5
const MEMORY_RATIO_MAX = 1.2

type Cost = { closes: number; nodeMicros: number; postgresMicros: number; peakBytes: number }

const program = fileURLToPath(new URL('close-many.ts', import.meta.url))

async function close(count: number): Promise<Cost> {
  const database = await createTestDatabase('linear')
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', program, String(count)],
      { env: { ...process.env, DATABASE_URL: database.url } },
    )
    const cost: Cost = JSON.parse(stdout)
    return cost
  } finally {
    await database.drop()
  }
}

/** What the many cost, as a multiple of the few. */
async function comparePair(): Promise<{ ratio: number; memory: number }> {
  const few = await close(CLOSES)
  const many = await close(MORE * CLOSES)
  const micros = (cost: Cost) => cost.nodeMicros + cost.postgresMicros
  const ratio = micros(many) / micros(few)
  const memory = many.peakBytes / few.peakBytes
  process.stdout.write(
    `${CLOSES} closes ${micros(few)} µs, ${MORE * CLOSES} closes ${micros(many)} µs: ` +
      `${ratio.toFixed(2)} times, memory ${memory.toFixed(3)} times\n`,
  )
  expect(few.postgresMicros).toBeGreaterThan(0)
  return { ratio, memory }
}

test(
  `${MORE * CLOSES} closes cost at most ${RATIO_MAX} times ${CLOSES}, and no more memory`,
  async () => {
    const pairs = [await comparePair()]
    const ratio = () => Math.min(...pairs.map((pair) => pair.ratio))
    const memory = () => Math.min(...pairs.map((pair) => pair.memory))
    const isFit = () => ratio() <= RATIO_MAX && memory() <= MEMORY_RATIO_MAX
    while (pairs.length < PAIRS_MAX && !isFit()) pairs.push(await comparePair())
    expect(ratio()).toBeLessThanOrEqual(RATIO_MAX)
    expect(memory()).toBeLessThanOrEqual(MEMORY_RATIO_MAX)
  },
  PAIRS_MAX * (CLOSES * 3_000 + 60_000),
)
