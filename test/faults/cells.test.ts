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

/** Clusters side by side: most of a cell's time is time limits that run out, not work. */
const CLUSTERS = 2

let clusters: Cluster[] = []
beforeAll(async () => {
  clusters = await Promise.all(Array.from({ length: CLUSTERS }, startCluster))
}, 120_000)
afterAll(() => Promise.all(clusters.map((cluster) => cluster.stop())))

test(
  'a kill at any message of the story breaks no promise',
  async () => {
    const cells = await chooseCells()
    const left = cells.values()
    const results = (await Promise.all(clusters.map((_, nth) => killAt(nth, left)))).flat()
    const pairs = new Set(results.map(({ cell }) => `${cell.victim} ${cell.moment}`))
    expect(pairs.size).toBe(Math.min(cells.length, VICTIMS.length * MOMENTS.length))
    process.stdout.write(`${summarise(run, results)}\n`)
  },
  typeof run.cells === 'number' ? (run.cells + 2) * CELL_MS_MAX : 0,
)

/** Takes one cell after the other to a cluster, until none is left. */
async function killAt(nth: number, cells: Iterable<Cell>): Promise<CellResult[]> {
  const results: CellResult[] = []
  for (const cell of cells) {
    if (results.length > 0 && results.length % CELLS_PER_CLUSTER === 0) {
      await clusterAt(nth).stop()
      clusters[nth] = await startCluster()
    }
    const result = await runCellUntilHit(clusterAt(nth), cell)
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
  return results
}

function clusterAt(nth: number): Cluster {
  const cluster = clusters[nth]
  if (cluster === undefined) throw new Error(`There is no cluster ${nth}`)
  return cluster
}

async function chooseCells(): Promise<Cell[]> {
  if (run.cell !== null) return [parseCell(run.cell)]
  const messages = await recordMessages(clusterAt(0))
  keepResult(run, 'messages', messages)
  if (run.cells === 'all') return allCells(messages)
  if (typeof run.cells === 'string') return allCells(messages, [run.cells])
  return sampleCells(messages, run.cells, seededRandom(run.seed))
}
