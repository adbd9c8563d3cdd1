import type { KeptCurve } from './results.ts'

/** Throughput above, latency below, against the offered load; both axes of the load are logarithmic. */

const WIDTH = 720
const LEFT = 64
const RIGHT = 24
const PLOT_HEIGHT = 200
const TOPS = [40, 310] as const
const TICKS_MS = [1, 10, 100, 1_000, 10_000]

type Line = { name: string; class: string; values: (number | null)[] }

/** An SVG that reads well on light and on dark pages. Needs at least two points. */
export function drawCurve({ perSecondMax, points }: KeptCurve): string {
  const factors = points.map(({ factor }) => factor)
  const [least, most] = [Math.log(Math.min(...factors)), Math.log(Math.max(...factors))]
  const xOf = (factor: number) =>
    LEFT + ((Math.log(factor) - least) / (most - least)) * (WIDTH - LEFT - RIGHT)

  const rates: Line[] = [
    { name: 'accepted', class: 'a', values: points.map((point) => point.acceptedPerSecond) },
    { name: 'refused', class: 'b', values: points.map((point) => point.refusedPerSecond) },
  ]
  const times: Line[] = [
    { name: 'accepted, p50', class: 'a', values: points.map((p) => p.acceptedMs?.p50 ?? null) },
    { name: 'accepted, p99', class: 'c', values: points.map((p) => p.acceptedMs?.p99 ?? null) },
    { name: 'refused, p99', class: 'b', values: points.map((p) => p.refusedMs?.p99 ?? null) },
  ]
  const rateMax = Math.max(...rates.flatMap(({ values }) => values.map((value) => value ?? 0)))
  const rateTicks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * rateMax)
  const decades = Math.log10((TICKS_MS.at(-1) ?? 1) / (TICKS_MS[0] ?? 1))
  const plots = [
    plot(TOPS[0], 'orders per second', rates, rateTicks, (value) => value / rateMax),
    plot(TOPS[1], 'milliseconds', times, TICKS_MS, (value) =>
      Math.min(1, Math.max(0, Math.log10(value / (TICKS_MS[0] ?? 1)) / decades)),
    ),
  ]

  function plot(
    top: number,
    title: string,
    lines: Line[],
    ticks: number[],
    shareOf: (value: number) => number,
  ): string {
    const yOf = (value: number) => top + PLOT_HEIGHT * (1 - shareOf(value))
    const grid = ticks.map(
      (tick) =>
        `<line class="g" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(yOf(tick))}" y2="${at(yOf(tick))}"/>` +
        `<text x="${LEFT - 8}" y="${at(yOf(tick) + 4)}" text-anchor="end">${Math.round(tick)}</text>`,
    )
    const paths = lines.map(({ class: name, values }) => {
      const places = values.flatMap((value, index) =>
        value === null ? [] : [`${at(xOf(factors[index] ?? 1))},${at(yOf(value))}`],
      )
      return `<polyline class="${name}" points="${places.join(' ')}"/>`
    })
    const names = lines.map(
      ({ name, class: kind }, index) =>
        `<text class="${kind} n" x="${LEFT + 130 + index * 130}" y="${top - 14}">${name}</text>`,
    )
    const below = factors.map(
      (factor) =>
        `<text x="${at(xOf(factor))}" y="${top + PLOT_HEIGHT + 18}" text-anchor="middle">${factor}×</text>`,
    )
    const heading = `<text class="t" x="${LEFT}" y="${top - 14}">${title}</text>`
    return [heading, ...names, ...grid, ...paths, ...below].join('\n')
  }

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} 570" role="img" aria-label="Throughput and latency against the offered load">
<style>
text{font:12px system-ui,sans-serif;fill:#666}.t{font-weight:600}.g{stroke:#8884;stroke-width:1}
polyline{fill:none;stroke-width:2}.a{stroke:#2f7d4f}.b{stroke:#c2571a}.c{stroke:#3b6fb6}
text.n{stroke:none}text.a{fill:#2f7d4f}text.b{fill:#c2571a}text.c{fill:#3b6fb6}
</style>
${plots.join('\n')}
<text x="${WIDTH / 2}" y="558" text-anchor="middle">offered load; 1× is ${Math.round(perSecondMax)} orders per second</text>
</svg>
`
}

const at = (value: number): string => value.toFixed(1)
