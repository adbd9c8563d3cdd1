import { expect, test } from 'vitest'
import { readPreferences } from '../../api/prefer.ts'

test.for([
  [undefined, false, 0],
  ['', false, 0],
  ['respond-async', true, 0],
  ['Respond-Async, wait=20', true, 20],
  ['wait=20', false, 20],
  ['wait = "7"', false, 7],
  ['wait=999', false, 25],
  ['wait=-1', false, 0],
  ['wait=x, handling=lenient', false, 0],
] as const)('Prefer: %s', ([header, respondAsync, waitSeconds]) => {
  expect(readPreferences(header)).toEqual({ respondAsync, waitSeconds })
})
