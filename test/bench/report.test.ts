import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { drawCurve } from '../../bench/picture.ts'
import { formatReport } from '../../bench/report.ts'
import { readResults, type KeptCurve, type KeptFigure } from '../../bench/results.ts'
import { ROOT } from '../../scripts/source-files.ts'

/** What the bench writes of what it found. */

const run = {
  measuredAt: '2026-11-22T12:00:00.000Z',
  commit: 'abc123',
  processor: 'Example 3000',
  cores: 2,
  memoryGib: 24,
  node: 'v24.0.0',
}
const spread = (median: number) => ({ min: median / 2, median, max: median * 2 })
const figure: KeptFigure = {
  id: 'A1',
  title: 'orders accepted',
  against: 'one INSERT',
  unit: 'per second',
  gate: '≥ 0.5',
  size: { pairs: 5, seconds: 5 },
  run,
  result: {
    ours: spread(500),
    bare: spread(9_000),
    ratio: spread(0.0555),
    cpuMicros: { ours: { program: 885, postgres: 3_119 }, bare: { program: 100 } },
    pairs: 5,
  },
}
const point = (factor: number) => ({
  factor,
  offeredPerSecond: factor * 500,
  acceptedPerSecond: 480,
  refusedPerSecond: factor > 1 ? (factor - 1) * 500 : 0,
  acceptedMs: { p50: 20, p99: 90 },
  refusedMs: factor > 1 ? { p50: 2, p99: 9 } : null,
})
const curve: KeptCurve = { perSecondMax: 500, points: [0.1, 1, 10].map(point), run }

test('docs/bench.md is what the kept results make of it', async () => {
  expect(readFileSync(`${ROOT}docs/bench.md`, 'utf8')).toBe(await formatReport(readResults()))
})

test('a figure is a row with its spread, its cost, its commit and its machine', async () => {
  const report = await formatReport({ figures: [figure] })
  expect(report).toContain('500 (250 to 1000)')
  expect(report).toContain('0.0555 (0.0278 to 0.111)')
  expect(report).toContain('program 885, postgres 3119')
  expect(report).toMatch(/\| A1 +\| `abc123` +\| 2026-11-22T12:00 +\| 5 pairs of 5 s/)
})

test('a comparison that says nothing is no figure, and says why', async () => {
  const none = { ...figure, id: 'A3', result: { none: 'half the bare rate is 4500/s' } }
  const report = await formatReport({ figures: [none] })
  expect(report).toMatch(/\| A3 .*no figure.*half the bare rate is 4500\/s/)
})

test('the picture has a line for each value that there is, and the table a row for each load', async () => {
  const picture = drawCurve(curve)
  const lines = [...picture.matchAll(/<polyline class="(\w)" points="([^"]*)"/g)]
  expect(lines.map(([, kind, places]) => [kind, places?.split(' ').length])).toEqual([
    ['a', 3],
    ['b', 3],
    ['a', 3],
    ['c', 3],
    ['b', 1],
  ])
  expect(picture).not.toContain('NaN')
  const report = await formatReport({ figures: [], curve })
  expect(report).toMatch(/\| 10× +\| 5000 +\| 480 +\| 4500 +\| 20\.0 ms/)
  expect(report).toMatch(/\| 0\.1× .*\| – +\| – +\|/)
})
