import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format as prettify, resolveConfig } from 'prettier'
import { ROOT } from '../scripts/source-files.ts'
import { drawCurve } from './picture.ts'
import { readResults, type KeptCurve, type KeptFigure, type Results, type Run } from './results.ts'
import type { Spread } from './windows.ts'

/** docs/bench.md and its picture, made of bench/results.json. */

const TABLE = join(ROOT, 'docs', 'bench.md')
const PICTURE = join(ROOT, 'docs', 'bench.svg')

/** Writes the table and, where there is a curve, the picture. Repeatable. */
export async function writeReport(): Promise<void> {
  const results = readResults()
  writeFileSync(TABLE, await formatReport(results))
  console.log('\nwrote docs/bench.md')
  if (results.curve === null) return
  writeFileSync(PICTURE, drawCurve(results.curve))
  console.log('wrote docs/bench.svg')
}

/** docs/bench.md as text. */
export async function formatReport(results: Results): Promise<string> {
  const lines = [
    '# What it carries',
    '',
    'Written by `npm run bench -- --keep` from `bench/results.json`; not edited by hand. What follows from it is in `docs/scaling.md`.',
    '',
    'Each figure is a ratio: ours against a bare program (`bench/bare/`) in alternating windows of the same run, so that the mood of the machine meets both. Ours runs with everything on: key, rate limit, validation, idempotency, purchase order, ledger, outbox, log. A window with any wrong answer, and a run after which an invariant is broken, give no figure. Values are median (least to most).',
    '',
    '| figure | what | ours | bare | ratio | wanted | µs of processor per unit, ours | bare |',
    '|---|---|---|---|---|---|---|---|',
    ...results.figures.map(printFigure),
    '',
    ...(results.curve === null ? [] : printCurve(results.curve)),
    '## Where and when',
    '',
    '| figure | commit | measured | windows | machine |',
    '|---|---|---|---|---|',
    ...results.figures.map(({ id, run, size }) =>
      row([id, ...printRun(run, `${size.pairs} pairs of ${size.seconds} s`)]),
    ),
    ...(results.curve === null
      ? []
      : [row(['curve', ...printRun(results.curve.run, 'open loop')])]),
    '',
    'PostgreSQL (durable) and Temporal run on the same machine as the programs and the load, with the settings of `npm start`; programs have 16 connections to the database.',
    '',
  ]
  const options = await resolveConfig(TABLE)
  return prettify(lines.join('\n'), { ...options, parser: 'markdown' })
}

function printFigure({ id, title, against, unit, gate, result }: KeptFigure): string {
  const what = `${title}, ${unit}; bare: ${against}`
  if ('none' in result) return row([id, what, 'no figure', result.none, '', gate, '', ''])
  const { ours, bare, ratio, cpuMicros } = result
  const values = [ours, bare, ratio].map(printSpread)
  return row([id, what, ...values, gate, printCosts(cpuMicros.ours), printCosts(cpuMicros.bare)])
}

function printCurve({ perSecondMax, points }: KeptCurve): string[] {
  return [
    '## More than it carries',
    '',
    `Orders offered in an open loop, from a tenth to ten times of the ${digits(perSecondMax)} a second that 64 busy connections get. What is refused is answered 503 with \`Retry-After\` and leaves nothing behind. Latency counts from the instant at which an order was due. The load comes from the same machine and takes its share of it.`,
    '',
    '![Throughput and latency against the offered load](bench.svg)',
    '',
    '| offered | per second | accepted per second | refused per second | accepted, p50 | p99 | refused, p50 | p99 |',
    '|---|---|---|---|---|---|---|---|',
    ...points.map((point) =>
      row([
        `${point.factor}×`,
        digits(point.offeredPerSecond),
        digits(point.acceptedPerSecond),
        digits(point.refusedPerSecond),
        ...[point.acceptedMs, point.refusedMs].flatMap((times) =>
          times === null ? ['–', '–'] : [`${digits(times.p50)} ms`, `${digits(times.p99)} ms`],
        ),
      ]),
    ),
    '',
  ]
}

function printRun(run: Run, windows: string): string[] {
  const machine = `${run.processor}, ${run.cores} cores, ${run.memoryGib} GiB, Node ${run.node}`
  return [`\`${run.commit}\``, run.measuredAt.slice(0, 16), windows, machine]
}

const row = (cells: string[]): string => `| ${cells.join(' | ')} |`

/** A spread in words. */
export function printSpread({ min, median, max }: Spread): string {
  return `${digits(median)} (${digits(min)} to ${digits(max)})`
}

/** Processor time by process. */
export function printCosts(micros: Record<string, number>): string {
  return Object.entries(micros)
    .map(([name, value]) => `${name} ${digits(value)}`)
    .join(', ')
}

/** Three digits that mean something. */
function digits(value: number): string {
  return value === 0 || value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
