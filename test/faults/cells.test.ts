import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  allCells,
  parseCell,
  printCell,
  recordMessages,
  runCellUntilHit,
  sampleCells,
  type Cell,
  type CellResult,
} from './cells.ts'
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
    const cells = await chooseCells()
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
        const settings = { BARK_PROVE_CELL: printCell(result.cell) }
        const replay = { seed: run.seed, file: 'test/faults/cells.test.ts', settings }
        throw new PromiseBroken(replay, context, violations)
      }
      expect(result.hit, `the kill did not hit: ${JSON.stringify(cell)}`).toBe(true)
    }
    const pairs = new Set(results.map(({ cell }) => `${cell.victim} ${cell.moment}`))
    expect(pairs.size).toBe(Math.min(cells.length, VICTIMS.length * MOMENTS.length))
    process.stdout.write(`${summarise(run, results)}\n`)
  },
  typeof run.cells === 'number' ? (run.cells + 2) * CELL_MS_MAX : 0,
)

async function chooseCells(): Promise<Cell[]> {
  if (run.cell !== null) return [parseCell(run.cell)]
  const messages = await recordMessages(cluster)
  keepResult(run, 'messages', messages)
  if (run.cells === 'all') return allCells(messages)
  if (typeof run.cells === 'string') return allCells(messages, [run.cells])
  return sampleCells(messages, run.cells, seededRandom(run.seed))
}
