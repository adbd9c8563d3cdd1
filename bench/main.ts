import { parseArgs } from 'node:util'
import { acceptanceLatency, acceptancesPerSecond } from './accept-order.ts'
import { NoFigure, type Figure, type Size } from './figure.ts'
import { fulfillmentLatency, fulfillmentsPerSecond } from './fulfill.ts'
import { codeReads, unchangedPolls } from './get-codes.ts'
import { measureCurve } from './load-curve.ts'
import { printCosts, printSpread, writeReport } from './report.ts'
import { describeRun, keepResults, type KeptFigure } from './results.ts'
import { startServers, type Servers } from './servers.ts'
import { deliveriesPerSecond } from './webhooks.ts'
import { PAIRS_MIN } from './windows.ts'

const FIGURES: readonly Figure[] = [
  acceptancesPerSecond,
  acceptanceLatency,
  fulfillmentsPerSecond,
  fulfillmentLatency,
  codeReads,
  unchangedPolls,
  deliveriesPerSecond,
]

/** Not a comparison: what the machine does with more than it carries. */
const CURVE = 'curve'

const USAGE = `npm run bench -- [figure …] [--pairs N] [--seconds N]
Measures each figure against its bare program in one run: alternating windows, ratios of pairs.
${FIGURES.map(({ id, title }) => `  ${id.padEnd(4)} ${title}`).join('\n')}
  curve  orders accepted and refused, and how late, at a tenth to ten times of what is carried
  --pairs N     pairs of windows (default and least for a published figure: ${PAIRS_MIN})
  --seconds N   of each window (default 5)
  --keep        keeps the results in bench/results.json and writes docs/bench.md and its picture
  --report      only writes docs/bench.md and its picture from what is kept`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: 'string', default: String(PAIRS_MIN) },
      seconds: { type: 'string', default: '5' },
      keep: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  })
  if (values.report) return writeReport()
  const known = [...FIGURES.map(({ id }) => id), CURVE]
  const unknown = positionals.filter((id) => !known.includes(id))
  if (values.help || unknown.length > 0) {
    for (const id of unknown) console.error(`No figure ${id}.`)
    console.log(USAGE)
    process.exitCode = unknown.length > 0 ? 1 : 0
    return
  }
  const wanted = positionals.length === 0 ? known : positionals
  const size = { pairs: Number(values.pairs), seconds: Number(values.seconds) }
  const run = describeRun()
  const servers = await startServers()
  try {
    for (const figure of FIGURES.filter(({ id }) => wanted.includes(id))) {
      const result = await measure(figure, servers, size)
      print(figure, result)
      const { run: _, ...facts } = figure
      if (values.keep) keepResults({ figures: [{ ...facts, result, size, run }] })
    }
    if (wanted.includes(CURVE)) {
      const curve = { ...(await measureCurve(servers, size.seconds)), run }
      console.log(JSON.stringify(curve.points, null, 2))
      if (values.keep) keepResults({ curve })
    }
  } finally {
    await servers.stop()
  }
  if (values.keep) await writeReport()
}

async function measure(
  figure: Figure,
  servers: Servers,
  size: Size,
): Promise<KeptFigure['result']> {
  try {
    return await figure.run(servers, size)
  } catch (error) {
    if (!(error instanceof NoFigure)) throw error
    return { none: error.message }
  }
}

function print(figure: Figure, result: KeptFigure['result']): void {
  if ('none' in result) {
    console.log(`\n${figure.id}  ${figure.title}\n    no figure: ${result.none}`)
    return
  }
  console.log(`
${figure.id}  ${figure.title}
    ours  ${printSpread(result.ours)} ${figure.unit}
    bare  ${printSpread(result.bare)} ${figure.unit}  (${figure.against})
    ratio ${printSpread(result.ratio)}  of ${result.pairs} pairs; wanted ${figure.gate}
    µs of processor per unit, ours: ${printCosts(result.cpuMicros.ours)}; bare: ${printCosts(result.cpuMicros.bare)}`)
}

await main()
