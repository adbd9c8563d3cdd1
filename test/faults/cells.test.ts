import { afterAll, beforeAll, expect, test } from 'vitest'
import { allCells, recordMessages, runCellUntilHit, sampleCells, type CellResult } from './cells.ts'
import { startCluster, VICTIMS, type Cluster } from './cluster.ts'
import { MOMENTS } from './proxy.ts'
import { seededRandom } from './random.ts'
import { keepResult, PromiseBroken, readRun, summarise } from './run.ts'

const run = readRun()
const CELL_MS_MAX = 120_000
/** A used cluster is thrown away after so many kills: its tables and logs only grow. */
const CELLS_PER_CLUSTER = 150

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop())

test(
  'a kill at any message of the story breaks no promise',
  async () => {
    const messages = await recordMessages(cluster)
    const cells =
      run.cells === 'all'
        ? allCells(messages)
        : sampleCells(messages, run.cells, seededRandom(run.seed))
    const results: CellResult[] = []
    for (const [index, cell] of cells.entries()) {
      if (index > 0 && index % CELLS_PER_CLUSTER === 0) {
        await cluster.stop()
        cluster = await startCluster()
      }
      const result = await runCellUntilHit(cluster, cell)
      results.push(result)
      keepResult(run, 'cells', result)
      if (result.violations.length > 0) {
        const { violations, ...context } = result
        throw new PromiseBroken(run, 'test/faults/cells.test.ts', context, violations)
      }
      expect(result.hit, `the kill did not hit: ${JSON.stringify(cell)}`).toBe(true)
    }
    const tried = new Set(cells.map(({ victim, moment }) => `${victim} ${moment}`))
    expect(tried.size).toBe(VICTIMS.length * MOMENTS.length)
    process.stdout.write(`${summarise(run, results)}\n`)
  },
  run.cells === 'all' ? 0 : (run.cells + 2) * CELL_MS_MAX,
)
