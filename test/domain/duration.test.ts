import { expect, test } from 'vitest'
import { parseDurationMs } from '../../domain/duration.ts'

test.for([
  ['PT26H', 26 * 3_600_000],
  ['P1D', 86_400_000],
  ['P1DT2H3M4S', 93_784_000],
  ['PT90M', 5_400_000],
  ['PT0S', 0],
  ['PT0.5S', 500],
  ['PT1.001S', 1_001],
] as const)('%s is %i ms', ([text, ms]) => {
  expect(parseDurationMs(text)).toBe(ms)
})

test.for([
  '',
  'P',
  'PT',
  'P1DT',
  'T1H',
  '26H',
  'P1M',
  'P1Y',
  'P1W',
  'PT-1H',
  '-PT1H',
  'pt1h',
  'PT1H1D',
  'P99999D',
  'PT999999H',
])('%j is no duration', (text) => {
  expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ reason: 'invalid_fields' }))
})
