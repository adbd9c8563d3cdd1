import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { cacheFolder } from '../cli/cache-folder.ts'
import { ROOT } from '../scripts/source-files.ts'
import { createEmptyDatabase } from '../test/stack.ts'
import { NoFigure, numberIn, perUnit, type Figure } from './figure.ts'
import { openLoad, throughput } from './load.ts'
import { readProcessorTime, type Watched } from './processes.ts'
import type { Stage } from './servers.ts'
import { compare, type Side } from './windows.ts'

/** Orders a second beside Medusa 2, which is installed beside the tree and not in it. */

const VERSION = '2.21.2'
const LANES = 16 // as many as its connections to the database
const PREPARE_MS_MAX = 300_000 // of each, installing it and making its tables: then there is no figure

export const ordersBesideMedusa: Figure = {
  id: 'A4',
  title: 'orders accepted (3 lines, 5 codes), 64 connections',
  against: `Medusa ${VERSION}, its createOrderWorkflow called in its process, ${LANES} at a time`,
  unit: 'per second',
  gate: '≥ 100, then ≥ 300',
  async run(stage, size) {
    const folder = installMedusa()
    const { url, drop } = await createEmptyDatabase('medusa')
    const settings = {
      DATABASE_URL: url,
      POOL_SIZE: String(LANES),
      NODE_ENV: 'production',
      LOG_LEVEL: 'error',
    }
    const cli = join(folder, 'node_modules', '@medusajs', 'cli', 'cli.js')
    // Not the blocking call: its statements make PostgreSQL log, and who would read that is this process.
    await promisify(execFile)(process.execPath, [cli, 'db:migrate', '--skip-scripts'], {
      cwd: folder,
      env: { ...process.env, ...settings },
      timeout: PREPARE_MS_MAX,
    })
    const args = ['exec', './medusa.mjs']
    const medusa = await stage.start(relative(ROOT, cli), { settings, args, cwd: folder })
    const api = await stage.start('server.ts')
    const load = openLoad(stage.shop.ordering(api.url))
    const { postgres } = stage.watched
    const result = await compare(
      throughput(load, { program: () => [api.pid], postgres }),
      createOrders(medusa.url, { program: () => [medusa.pid], postgres }),
      size,
      { analyze: () => analyzeBoth(stage, url) },
    )
    await load.close()
    await medusa.stop()
    await drop()
    return result
  },
}

async function analyzeBoth(stage: Stage, url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('analyze')
  await client.end()
  await stage.analyze()
}

function createOrders(url: string, watched: Watched): Side {
  return {
    async measure(seconds) {
      const time = readProcessorTime(watched)
      const answer = await fetch(`${url}/run?seconds=${seconds}&lanes=${LANES}`, { method: 'POST' })
      if (answer.status !== 200) throw new NoFigure(`Medusa: ${await answer.text()}`)
      const ran: unknown = await answer.json()
      const count = numberIn(ran, 'count')
      return { value: count / numberIn(ran, 'seconds'), cpuMicros: perUnit(time.since(), count) }
    },
  }
}

/**
 * The folder of an installed Medusa; the first time it takes minutes and 700 MB of the cache folder.
 * Throws when npm fails; the next call tries again.
 */
function installMedusa(): string {
  const folder = join(cacheFolder(process.env), `medusa-${VERSION}`)
  mkdirSync(folder, { recursive: true })
  const dependencies = Object.fromEntries(
    ['medusa', 'framework', 'cli'].map((name) => [`@medusajs/${name}`, VERSION]),
  )
  const description = { private: true, type: 'module', dependencies }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(description))
  writeFileSync(
    join(folder, 'medusa-config.js'),
    "export { settings as default } from './medusa.mjs'\n",
  )
  copyFileSync(join(ROOT, 'bench', 'bare', 'medusa.mjs'), join(folder, 'medusa.mjs'))
  const stamp = join(folder, 'installed')
  if (existsSync(stamp)) return folder
  console.log(`installing Medusa ${VERSION} into ${folder}`)
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: 'inherit',
    timeout: PREPARE_MS_MAX,
  })
  writeFileSync(stamp, '')
  return folder
}
