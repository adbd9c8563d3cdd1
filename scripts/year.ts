import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './source-files.ts'

/**
 * `npm run year`: a year of twenty customers in twenty time zones, 7,300 closes on the same SQL
 * functions that the workflows' activities call. `npm test` plays the days around the clock changes.
 */
const { status } = spawnSync(
  process.execPath,
  [join('bin', 'bark.mjs'), 'test', '--no-check', 'test/year/year.test.ts'],
  { cwd: ROOT, stdio: 'inherit', env: { ...process.env, BARK_YEAR: 'whole' } },
)
process.exitCode = status ?? 1
