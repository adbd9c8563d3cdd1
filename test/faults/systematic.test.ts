import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordMessages, runCellUntilHit, sampleCells } from './cells.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { seededRandom, seedOfRun } from './random.ts'

/**
 * One kill -9 at one message of the story, every victim at every moment, on links in turn: nothing is
 * lost or doubled. The seed is printed; BARK_SEED repeats a run.
 */

const CELLS = 12 // four victims at three moments each

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop(), 60_000)

test('a process that dies at a message loses and doubles nothing', async () => {
  const seed = seedOfRun()
  process.stdout.write(`fault cells with BARK_SEED=${seed}\n`)
  const messages = await recordMessages(cluster)
  for (const cell of sampleCells(messages, CELLS, seededRandom(seed))) {
    const result = await runCellUntilHit(cluster, cell)
    const where = `${JSON.stringify(result.cell)} with BARK_SEED=${seed}`
    expect(result.violations, where).toEqual([])
    expect(result.hit, `the kill hit: ${where}`).toBe(true)
  }
}, 600_000)
