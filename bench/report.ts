import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format as prettify, resolveConfig } from 'prettier'
import { ROOT } from '../scripts/source-files.ts'
import { drawCurve } from './picture.ts'
import type { Size } from './figure.ts'
import {
  readResults,
  type KeptCost,
  type KeptCurve,
  type KeptFigure,
  type KeptGrowth,
  type KeptShapes,
  type KeptSoak,
  type Results,
  type Run,
} from './results.ts'
import type { Spread } from './windows.ts'

/** docs/bench.md and its picture, made of bench/results.json. */

const TABLE = join(ROOT, 'docs', 'bench.md')
const PICTURE = join(ROOT, 'docs', 'bench.svg')

/** Writes the table and, where there is a curve, the picture. Repeatable. */
export async function writeReport(): Promise<void> {
  const results = readResults()
  writeFileSync(TABLE, await formatReport(results))
  console.log('\nwrote docs/bench.md')
  if (results.curve === undefined) return
  writeFileSync(PICTURE, drawCurve(results.curve))
  console.log('wrote docs/bench.svg')
}

/** docs/bench.md as text. */
export async function formatReport(results: Results): Promise<string> {
  const { figures, curve, cost, shapes, growth, soak } = results
  const lines = [
    '# What it carries',
    '',
    'Written by `npm run bench -- --keep` from `bench/results.json`; not edited by hand. What follows from it is in `docs/scaling.md`.',
    '',
    'Each figure is a ratio: ours against a bare program (`bench/bare/`) in alternating windows of the same run, so that the mood of the machine meets both. Ours runs with everything on: key, rate limit, validation, idempotency, purchase order, ledger, outbox, log. A window with any wrong answer, and a run after which an invariant is broken, give no figure. Values are median (least to most).',
    '',
    ...table(
      'figure | what | ours | bare | ratio | wanted | µs of processor per unit, ours | bare',
      figures.map(figureCells),
    ),
    ...(curve === undefined ? [] : printCurve(curve)),
    ...(cost === undefined ? [] : printCost(cost)),
    ...(shapes === undefined ? [] : printShapes(shapes)),
    ...(growth === undefined ? [] : printGrowth(growth)),
    ...(soak === undefined ? [] : printSoak(soak)),
    '## Where and when',
    '',
    ...table(
      'what | commit | measured | windows | machine',
      [
        ...figures.map(({ id, run, size }) => ({ id, run, how: windowsOf(size) })),
        ...(curve === undefined ? [] : [{ id: 'curve', run: curve.run, how: 'open loop' }]),
        ...(cost === undefined ? [] : [{ id: 'cost', run: cost.run, how: 'counted' }]),
        ...(shapes === undefined
          ? []
          : [{ id: 'shapes', run: shapes.run, how: windowsOf(shapes.size) }]),
        ...(growth === undefined ? [] : [{ id: 'growth', run: growth.run, how: 'pairs' }]),
        ...(soak === undefined
          ? []
          : [{ id: 'soak', run: soak.run, how: `${soak.minutes} minutes` }]),
      ].map(({ id, run, how }) => [id, ...printRun(run, how)]),
    ),
    'PostgreSQL (durable) and Temporal run on the same machine as the programs and the load, with the settings of `npm start`; programs have 16 connections to the database.',
    '',
  ]
  const options = await resolveConfig(TABLE)
  return prettify(lines.join('\n'), { ...options, parser: 'markdown' })
}

const windowsOf = ({ pairs, seconds }: Size): string => `${pairs} pairs of ${seconds} s`

function figureCells({ id, title, against, unit, gate, result }: KeptFigure): string[] {
  const what = `${title}, ${unit}; bare: ${against}`
  if ('none' in result) return [id, what, 'no figure', result.none, '', gate, '', '']
  const { ours, bare, ratio, cpuMicros } = result
  const values = [ours, bare, ratio].map(printSpread)
  return [id, what, ...values, gate, printCosts(cpuMicros.ours), printCosts(cpuMicros.bare)]
}

function printCurve({ perSecondMax, points }: KeptCurve): string[] {
  return [
    '## More than it carries',
    '',
    `Orders offered in an open loop, from a tenth to ten times of the ${digits(perSecondMax)} a second that 64 busy connections get. What is refused is answered 503 with \`Retry-After\` and leaves nothing behind. Latency counts from the instant at which an order was due. The load comes from the same machine and takes its share of it.`,
    '',
    '![Throughput and latency against the offered load](bench.svg)',
    '',
    ...table(
      'offered | per second | accepted per second | refused per second | accepted, p50 | p99 | refused, p50 | p99',
      points.map((point) => [
        `${point.factor}×`,
        digits(point.offeredPerSecond),
        digits(point.acceptedPerSecond),
        digits(point.refusedPerSecond),
        ...[point.acceptedMs, point.refusedMs].flatMap((times) =>
          times === null ? ['–', '–'] : [`${digits(times.p50)} ms`, `${digits(times.p99)} ms`],
        ),
      ]),
    ),
  ]
}

function printCost({ stages }: KeptCost): string[] {
  const kilobytes = (bytes: number) => digits(bytes / 1_000)
  return [
    '## What PostgreSQL writes',
    '',
    'Counted over 500 orders of 256 customers, divided by their number. The write-ahead log is that of our database and of Temporal’s together.',
    '',
    ...table(
      'what | write-ahead log, kB | our data with indexes, kB | Temporal’s data, kB | our transactions | Temporal’s transactions | events of its workflow | bytes of its history',
      stages.map((stage) => [
        stage.what,
        kilobytes(stage.walBytes),
        kilobytes(stage.dataBytes),
        kilobytes(stage.temporalBytes),
        digits(stage.transactions),
        digits(stage.temporalTransactions),
        ...(stage.history === null
          ? ['–', '–']
          : [digits(stage.history.events), digits(stage.history.bytes)]),
      ]),
    ),
  ]
}

function printShapes({ shapes }: KeptShapes): string[] {
  return [
    '## The shapes of a webhook delivery',
    '',
    'A delivery that succeeds at once, with the same claim, request and record in each shape: a workflow that *loops* over the schedule (built), one activity whose *retries* are the schedule, and a *direct* attempt that starts a workflow only after a failure. Without the outbox, which is the same for all.',
    '',
    ...table(
      'shape | per second | µs of processor per delivery | history events',
      shapes.map(({ shape, perSecond, cpuMicros, events }) => [
        shape,
        printSpread(perSecond),
        printCosts(cpuMicros),
        digits(events),
      ]),
    ),
  ]
}

function printGrowth({ orders, rows }: KeptGrowth): string[] {
  return [
    '## Ten times as much',
    '',
    `Over ${orders} orders that have their codes, and over ten times as many with ten times the work in each window. The exponent is that of the whole cost of ours: 1 is in proportion, less is what warming up no longer takes. The bare program's time in the same windows stands beside it.`,
    '',
    ...table(
      'figure | what | µs of processor per unit at 1× | at 10× | exponent | bare at 1× | at 10×',
      rows.map(({ id, title, micros: [at1, at10], bareMicros, exponent }) => [
        id,
        title,
        digits(at1),
        digits(at10),
        exponent.toFixed(2),
        ...bareMicros.map(digits),
      ]),
    ),
  ]
}

function printSoak({ minutes, orders, ordersPerSecond, samples, ...slopes }: KeptSoak): string[] {
  const shown = samples.filter((_, n) => n % Math.ceil(samples.length / 8) === 0)
  const last = samples.at(-1)
  const rows = [...shown, ...(last === undefined || shown.includes(last) ? [] : [last])]
  const tables = Object.keys(last?.rows ?? {})
  return [
    '## For long',
    '',
    `${orders} orders in ${minutes} minutes (${ordersPerSecond} a second), each with its codes read, five polls and a webhook for each of its events. Over the second half the memory of the API changed by ${digits(slopes.apiMibPerHour)} MiB an hour and that of the worker by ${digits(slopes.workerMibPerHour)} MiB an hour.`,
    '',
    ...table(
      ['minute', 'API, MiB', 'worker, MiB', ...tables.map((name) => `rows of \`${name}\``)].join(
        ' | ',
      ),
      rows.map((sample) => [
        sample.minute.toFixed(0),
        digits(sample.apiMib),
        digits(sample.workerMib),
        ...tables.map((name) => String(sample.rows[name])),
      ]),
    ),
  ]
}

function printRun(run: Run, windows: string): string[] {
  const machine = `${run.processor}, ${run.cores} cores, ${run.memoryGib} GiB, Node ${run.node}`
  return [`\`${run.commit}\``, run.measuredAt.slice(0, 16), windows, machine]
}

function table(head: string, rows: string[][]): string[] {
  const row = (cells: string[]): string => `| ${cells.join(' | ')} |`
  const names = head.split(' | ')
  return [row(names), row(names.map(() => '---')), ...rows.map(row), '']
}

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
  return value === 0 || Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
