import { expect, test } from 'vitest'
import type { ChildPhase } from '../../cli/children.ts'
import { openChildLogs } from '../../cli/child-logs.ts'

function logs(verbose = false) {
  const written: string[] = []
  const clock = { ms: 0 }
  const { line } = openChildLogs({
    verbose,
    write: (text) => void written.push(text),
    nowMs: () => clock.ms,
  })
  const say = (name: string, text: string, phase: ChildPhase = 'running') => line(name, text, phase)
  return { say, written, clock }
}

const json = (level: string, msg: string, fields = {}) => JSON.stringify({ level, msg, ...fields })

test('shows warnings and errors with the name before them, and no more', () => {
  const { say, written } = logs()
  say('api', json('info', 'request'))
  say('api', json('warn', 'outbox is long', { rows: 7, time: 'now', process: 'api' }))
  say('worker', json('error', 'refused', { error: { type: 'Error', message: 'no', stack: 'at' } }))
  expect(written).toEqual([
    'api      | WARN outbox is long rows=7',
    'worker   | ERROR refused error=no',
  ])
})

test('shows everything when it is asked to', () => {
  const { say, written } = logs(true)
  say('api', json('info', 'request', { status: 200 }))
  say('postgres', '2026-11-22 05:20:02.186 UTC [7] LOG:  checkpoint starting')
  expect(written).toEqual(['api      | request status=200', 'postgres | LOG:  checkpoint starting'])
})

test('says the same thing once in ten seconds, and then how often it was said', () => {
  const { say, written, clock } = logs()
  for (clock.ms = 0; clock.ms < 9_000; clock.ms += 1_000) say('worker', json('error', 'lost'))
  expect(written).toEqual(['worker   | ERROR lost'])
  clock.ms = 10_000
  say('worker', json('error', 'lost'))
  expect(written.at(-1)).toBe('worker   | ERROR lost  (and 8 like it)')
})

test('shows the crash of a program of ours, which is not JSON', () => {
  const { say, written } = logs()
  say('api', 'TypeError: x is not a function')
  expect(written).toEqual(['api      | WARN TypeError: x is not a function'])
})

test('leaves out what PostgreSQL and Temporal say at every start and stop', () => {
  const { say, written } = logs()
  say('postgres', '2026-11-22 05:20:02.186 UTC [7] FATAL:  the database system is starting up')
  say('postgres', '2026-11-22 05:20:02.186 UTC [7] ERROR:  duplicate key value')
  say('temporal', json('error', 'context canceled'), 'starting')
  say('temporal', json('error', 'context canceled'), 'ending')
  say('temporal', json('error', 'service failures', { error: 'Frontend is not healthy yet' }))
  expect(written).toEqual([])
  say('postgres', '2026-11-22 05:20:02.186 UTC [7] PANIC:  could not write to file')
  say('temporal', json('error', 'context canceled'))
  expect(written).toEqual([
    'postgres | ERROR PANIC:  could not write to file',
    'temporal | ERROR context canceled',
  ])
})
