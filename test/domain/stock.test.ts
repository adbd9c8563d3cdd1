import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stockEvents, stockState } from '../../domain/stock.ts'

/** The events of looks at these counts, one after the other, from an empty pool. */
function lookAt(counts: number[], lowThreshold: number | null): string[][] {
  let before = { available: 0, state: stockState(0, lowThreshold) }
  return counts.map((available) => {
    const after = { available, state: stockState(available, lowThreshold), lowThreshold }
    const events = stockEvents(before, after)
    before = after
    return events
  })
}

test('a threshold is crossed once until there was enough in between', () => {
  expect(lookAt([10, 10, 4, 3, 5, 2, 0, 0, 3, 5, 0], 5)).toEqual([
    ['inventory.updated'],
    [],
    ['inventory.updated', 'inventory.low'],
    ['inventory.updated'],
    ['inventory.updated'],
    ['inventory.updated', 'inventory.low'],
    ['inventory.updated', 'inventory.out_of_stock'],
    [],
    ['inventory.updated'],
    ['inventory.updated'],
    ['inventory.updated', 'inventory.low', 'inventory.out_of_stock'],
  ])
})

test('whatever the looks see: no two alarms without a recovery between, and none forgotten', () => {
  const counts = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 })
  fc.assert(
    fc.property(counts, fc.option(fc.integer({ min: 1, max: 15 })), (seen, threshold) => {
      let armed = { low: false, out: false }
      for (const [index, events] of lookAt(seen, threshold).entries()) {
        const available = seen[index] ?? 0
        const isLow = threshold !== null && available < threshold
        expect(events.includes('inventory.low')).toBe(armed.low && isLow)
        expect(events.includes('inventory.out_of_stock')).toBe(armed.out && available === 0)
        armed = {
          low: available > 0 && !isLow ? true : armed.low && !isLow && available > 0,
          out: available > 0,
        }
      }
    }),
  )
})
