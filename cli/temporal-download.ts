import { Runtime } from '@temporalio/worker'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A program of its own, `node cli/temporal-download.ts FOLDER VERSION`: lets the Temporal SDK put the
 * Temporal CLI into the folder and prints its path. It is a process because the SDK's download has
 * no end of its own when the network drops everything; `downloadTemporalCli` ends it then.
 */
/** The SDK removes an older file and fetches it again; a development server need not be the newest. */
const KEEP_MS = 10 * 365 * 24 * 3_600_000

const [folder, sdkVersion] = process.argv.slice(2)
if (folder === undefined || sdkVersion === undefined) {
  throw new Error('usage: temporal-download.ts FOLDER SDK_VERSION')
}

// The SDK downloads in the course of starting a server; it runs for a moment, in memory.
const server = await Runtime.instance().createEphemeralServer({
  type: 'dev-server',
  exe: {
    type: 'cached-download',
    downloadDir: folder,
    version: 'default',
    ttl: KEEP_MS,
    sdkName: 'sdk-typescript',
    sdkVersion,
  },
  namespace: 'default',
  ip: '127.0.0.1',
  port: null,
  uiPort: null,
  dbFilename: null,
  ui: false,
  log: { format: 'json', level: 'error' },
  extraArgs: [],
})
await Runtime.instance().shutdownEphemeralServer(server)
const name = readdirSync(folder).find((entry) => /^temporal-(?!.*\.downloading$)/.test(entry))
if (name === undefined) throw new Error(`nothing was downloaded to ${folder}`)
process.stdout.write(`${join(folder, name)}\n`)
