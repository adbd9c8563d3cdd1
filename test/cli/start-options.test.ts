import { expect, test } from 'vitest'
import { UsageError } from '../../cli/command.ts'
import { parseStartOptions, START_HELP } from '../../cli/start-options.ts'

test('without flags everything is started on the usual ports with data in .bark', () => {
  expect(parseStartOptions([], '/clone')).toEqual({
    port: undefined,
    dataFolder: '/clone/.bark',
    reset: false,
    yes: false,
    seed: true,
    only: undefined,
    verbose: false,
    json: false,
  })
})

test('reads every flag', () => {
  const flags = '--port 0 --data /d --reset --yes --no-seed --only worker --verbose --json'
  expect(parseStartOptions(flags.split(' '), '/clone')).toEqual({
    port: 0,
    dataFolder: '/d',
    reset: true,
    yes: true,
    seed: false,
    only: 'worker',
    verbose: true,
    json: true,
  })
})

test.each([
  ['--port', 'x'],
  ['--port', '65536'],
  ['--port', '-1'],
  ['--only', 'temporal'],
  ['--prot', '1'],
  ['everything'],
])('refuses %s %s', (...args) => {
  expect(() => parseStartOptions(args, '/clone')).toThrow(UsageError)
})

test.each(['--port', '--data', '--reset', '--yes', '--no-seed', '--only', '--verbose', '--json'])(
  'the help explains %s',
  (flag) => {
    expect(START_HELP).toContain(flag)
  },
)
