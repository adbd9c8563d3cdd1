import { html } from 'hono/html'
import type { FinanceDaySum } from '../../../db/finance-days.ts'
import { displayCount, displayDate } from '../../../documents/display.ts'
import { renderAmount, type Markup } from '../layout.ts'

/** How many days are looked back at. */
export const CHART_DAYS = 30
const HEIGHT = 96
const BAR = 14
const GAP = 4
const STEP = BAR + GAP
const DAY_MS = 86_400_000

/** What was ordered each day, one chart per currency: bars to look at, the same figures to read. */
export function renderCharts(days: FinanceDaySum[]): Markup {
  if (days.length === 0) return html``
  const currencies = [...Map.groupBy(days, (day) => day.currency)]
  return html`<h2>Ordered per day</h2>
    <div class="charts">
      ${currencies.map(([currency, sums]) => renderChart(currency, fillGaps(sums, days)))}
    </div>`
}

type Bar = { date: string; totalMinor: bigint; transactions: bigint }

/** As many days as a chart has, up to the last one that any currency has, so that they stand in line. */
function fillGaps(sums: FinanceDaySum[], all: FinanceDaySum[]): Bar[] {
  const last = Math.max(...all.map((day) => Date.parse(day.business_date)))
  const first = last - (CHART_DAYS - 1) * DAY_MS
  return Array.from({ length: CHART_DAYS }, (_, index) => {
    const date = new Date(first + index * DAY_MS).toISOString().slice(0, 10)
    const sum = sums.find((day) => day.business_date === date)
    return { date, totalMinor: sum?.total_minor ?? 0n, transactions: sum?.transactions ?? 0n }
  })
}

function renderChart(currency: string, bars: Bar[]): Markup {
  const highest = bars.reduce((max, bar) => (bar.totalMinor > max ? bar.totalMinor : max), 1n)
  const width = bars.length * STEP
  const [first, last] = [bars.at(0)?.date ?? '', bars.at(-1)?.date ?? '']
  const label = `${currency} ordered per day, ${displayDate(first)} to ${displayDate(last)}; at most ${renderAmount(highest, currency)}`
  return html`<figure>
    <figcaption>
      <b>${currency}</b> <span class="quiet">up to ${renderAmount(highest, currency)} a day</span>
    </figcaption>
    <svg viewBox="0 0 ${width} ${HEIGHT + 16}" width="${width}" role="img" aria-label="${label}">
      ${bars.map((bar, index) => renderBar(bar, index, highest, currency))}
      <line x1="0" x2="${width}" y1="${HEIGHT}" y2="${HEIGHT}" />
      <text x="0" y="${HEIGHT + 13}">${first.slice(5)}</text>
      <text x="${width}" y="${HEIGHT + 13}" text-anchor="end">${last.slice(5)}</text>
    </svg>
  </figure>`
}

function renderBar(bar: Bar, index: number, highest: bigint, currency: string): Markup {
  if (bar.totalMinor === 0n) return html``
  // Tenths of a pixel: whole numbers until the last division.
  const height = Math.max(Number((bar.totalMinor * BigInt(HEIGHT * 10)) / highest) / 10, 1)
  const words = `${displayDate(bar.date)}: ${renderAmount(bar.totalMinor, currency)}, ${displayCount(Number(bar.transactions))} transactions`
  return html`<rect
    x="${index * STEP + GAP / 2}"
    y="${HEIGHT - height}"
    width="${BAR}"
    height="${height}"
    rx="2"
  >
    <title>${words}</title>
  </rect>`
}
