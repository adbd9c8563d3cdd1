import { parseArgs } from 'node:util'
import { checkDatabase } from '../test/faults/invariants.ts'
import {
  acceptanceLatency,
  acceptanceLatencyAtOurRate,
  acceptancesPerSecond,
} from './accept-order.ts'
import { NoFigure, type Figure, type Size } from './figure.ts'
import { measureCost } from './cost.ts'
import { firstOrder } from './first-order.ts'
import { fulfillmentLatency, fulfillmentsPerSecond } from './fulfill.ts'
import { codeReads, unchangedPolls } from './get-codes.ts'
import { measureGrowth } from './growth.ts'
import {
  invoicesPerMinute,
  memoryOfTenTimesTheInvoices,
  timeOfTenTimesTheInvoices,
} from './invoices.ts'
import { measureCurve } from './load-curve.ts'
import { ordersBesideMedusa } from './medusa.ts'
import { printCosts, printSpread, writeReport } from './report.ts'
import { describeRun, keepResults, type KeptFigure, type Kept } from './results.ts'
import { startServers, type Servers, type Stage } from './servers.ts'
import { measureSoak } from './soak.ts'
import { deliveriesPerSecond } from './webhooks.ts'
import { measureShapes } from './webhook-shapes.ts'
import { PAIRS_MIN } from './windows.ts'

const FIGURES: readonly Figure[] = [
  acceptancesPerSecond,
  acceptanceLatency,
  acceptanceLatencyAtOurRate,
  ordersBesideMedusa,
  fulfillmentsPerSecond,
  fulfillmentLatency,
  codeReads,
  unchangedPolls,
  deliveriesPerSecond,
  invoicesPerMinute,
  timeOfTenTimesTheInvoices,
  memoryOfTenTimesTheInvoices,
  firstOrder,
]

/** No comparisons with a bare program, each with a table of its own. */
const STUDIES = {
  curve: 'orders accepted and refused, and how late, from a tenth to ten times of what is carried',
  cost: 'what PostgreSQL writes for one order, stage by stage',
  shapes: 'what a webhook delivery costs in each of its three shapes',
  growth: 'what each figure costs with ten times the data and ten times the work',
  soak: 'memory and tables while orders come for --minutes (30)',
} as const

const USAGE = `npm run bench -- [name …] [--pairs N] [--seconds N]
Measures each figure against its bare program in one run: alternating windows, ratios of pairs. Without
a name: all figures and the curve.
${FIGURES.map(({ id, title }) => `  ${id.padEnd(6)} ${title}`).join('\n')}
${Object.entries(STUDIES)
  .map(([name, what]) => `  ${name.padEnd(6)} ${what}`)
  .join('\n')}
  --pairs N     pairs of windows (default and least for a published figure: ${PAIRS_MIN})
  --seconds N   of each window (default 5)
  --minutes N   of the soak (default 30)
  --keep        keeps the results in bench/results.json and writes docs/bench.md and its picture
  --report      only writes docs/bench.md and its picture from what is kept
A4 installs Medusa into the cache folder the first time. BENCH_PROFILES=<folder> writes a processor
profile of every program.`

type Study = keyof typeof STUDIES

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: 'string', default: String(PAIRS_MIN) },
      seconds: { type: 'string', default: '5' },
      minutes: { type: 'string', default: '30' },
      keep: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  })
  if (values.report) return writeReport()
  const figureIds = FIGURES.map(({ id }) => id)
  const known = [...figureIds, ...Object.keys(STUDIES)]
  const unknown = positionals.filter((name) => !known.includes(name))
  if (values.help || unknown.length > 0) {
    for (const name of unknown) console.error(`No figure ${name}.`)
    console.log(USAGE)
    process.exitCode = unknown.length > 0 ? 1 : 0
    return
  }
  const wanted = positionals.length === 0 ? [...figureIds, 'curve'] : positionals
  const size = { pairs: Number(values.pairs), seconds: Number(values.seconds) }
  const keep = values.keep ? keepResults : () => undefined
  const servers = await startServers()
  try {
    for (const figure of FIGURES.filter(({ id }) => wanted.includes(id))) {
      keep({ figures: [await measure(figure, servers, size)] })
    }
    for (const study of wanted.filter(isStudy)) {
      try {
        const result = await runStudy(study, servers, { ...size, minutes: Number(values.minutes) })
        console.log(`\n${study}\n${JSON.stringify(result, null, 2)}`)
        keep(result)
      } catch (error) {
        // As with a figure: what is kept of the study stays, and the others are measured.
        console.error(study, error)
        process.exitCode = 1
      }
    }
  } finally {
    await servers.stop()
  }
  if (values.keep) await writeReport()
}

function isStudy(name: string): name is Study {
  return name in STUDIES
}

async function measure(figure: Figure, servers: Servers, size: Size): Promise<KeptFigure> {
  const run = describeRun()
  const { run: take, ...facts } = figure
  let result: KeptFigure['result']
  try {
    result = await onStage(servers, (stage) => take(stage, size))
  } catch (error) {
    // A wrong answer or a broken invariant costs this figure, and not the others.
    if (!(error instanceof NoFigure)) console.error(error)
    process.exitCode = error instanceof NoFigure ? process.exitCode : 1
    result = { none: error instanceof Error ? error.message.slice(0, 200) : String(error) }
  }
  const kept = { ...facts, result, size, run }
  print(kept)
  return kept
}

async function runStudy(
  study: Study,
  servers: Servers,
  size: Size & { minutes: number },
): Promise<Kept> {
  const run = describeRun()
  switch (study) {
    case 'curve': {
      const measured = await onStage(servers, (stage) => measureCurve(stage, size.seconds))
      return { curve: { ...measured, run } }
    }
    case 'cost':
      return { cost: { stages: await onStage(servers, measureCost), run } }
    case 'shapes': {
      const shapes = await onStage(servers, (stage) => measureShapes(stage, size))
      return { shapes: { shapes, size, run } }
    }
    case 'growth':
      return { growth: { ...(await measureGrowth(servers, size)), run } }
    case 'soak': {
      const measured = await onStage(servers, (stage) => measureSoak(stage, size.minutes))
      return { soak: { ...measured, run } }
    }
  }
}

/** A broken invariant is worth no figure. */
async function onStage<T>(servers: Servers, measureOn: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await servers.openStage()
  try {
    const result = await measureOn(stage)
    await stage.analyze()
    const broken = await checkDatabase(stage.database.db)
    if (broken.length > 0) throw new Error(`an invariant broke: ${JSON.stringify(broken)}`)
    return result
  } finally {
    await stage.close()
  }
}

function print({ result, ...figure }: KeptFigure): void {
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
