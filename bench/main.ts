import { parseArgs } from 'node:util'
import { acceptanceLatency, acceptancesPerSecond } from './accept-order.ts'
import { NoFigure, type Figure } from './figure.ts'
import { fulfillmentLatency, fulfillmentsPerSecond } from './fulfill.ts'
import { codeReads, unchangedPolls } from './get-codes.ts'
import { startServers } from './servers.ts'
import { deliveriesPerSecond } from './webhooks.ts'
import { PAIRS_MIN, type Comparison, type Spread } from './windows.ts'

const FIGURES: readonly Figure[] = [
  acceptancesPerSecond,
  acceptanceLatency,
  fulfillmentsPerSecond,
  fulfillmentLatency,
  codeReads,
  unchangedPolls,
  deliveriesPerSecond,
]

const USAGE = `npm run bench -- [figure …] [--pairs N] [--seconds N]
Measures each figure against its bare program in one run: alternating windows, ratios of pairs.
${FIGURES.map(({ id, title }) => `  ${id.padEnd(4)} ${title}`).join('\n')}
  --pairs N     pairs of windows (default and least for a published figure: ${PAIRS_MIN})
  --seconds N   of each window (default 5)`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: 'string', default: String(PAIRS_MIN) },
      seconds: { type: 'string', default: '5' },
      help: { type: 'boolean' },
    },
  })
  const unknown = positionals.filter((id) => FIGURES.every((figure) => figure.id !== id))
  if (values.help || unknown.length > 0) {
    for (const id of unknown) console.error(`No figure ${id}.`)
    console.log(USAGE)
    process.exitCode = unknown.length > 0 ? 1 : 0
    return
  }
  const wanted = FIGURES.filter(({ id }) => positionals.length === 0 || positionals.includes(id))
  const size = { pairs: Number(values.pairs), seconds: Number(values.seconds) }
  const servers = await startServers()
  try {
    for (const figure of wanted) {
      try {
        print(figure, await figure.run(servers, size))
      } catch (error) {
        if (!(error instanceof NoFigure)) throw error
        console.log(`\n${figure.id}  ${figure.title}\n    no figure: ${error.message}`)
      }
    }
  } finally {
    await servers.stop()
  }
}

function print(figure: Figure, result: Comparison): void {
  console.log(`
${figure.id}  ${figure.title}
    ours  ${format(result.ours)} ${figure.unit}
    bare  ${format(result.bare)} ${figure.unit}  (${figure.against})
    ratio ${format(result.ratio)}  of ${result.pairs} pairs; wanted ${figure.gate}
    µs of processor per unit, ours: ${costs(result.cpuMicros.ours)}; bare: ${costs(result.cpuMicros.bare)}`)
}

function format({ min, median, max }: Spread): string {
  return `${digits(median)} (${digits(min)} to ${digits(max)})`
}

/** Three digits that mean something. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function costs(micros: Record<string, number>): string {
  return Object.entries(micros)
    .map(([name, value]) => `${name} ${digits(value)}`)
    .join(', ')
}

await main()
