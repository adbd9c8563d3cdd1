import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The line that `bark start --json` prints; also kept in the data folder while it runs. */
export type Running = {
  api: string | null
  docs: string | null
  temporal_address: string | null
  temporal_namespace: string
  temporal_ui: string | null
  database_url: string
  finance: string | null
  inbox: string | null
  sandbox: { supplier: string | null; psp: string | null }
  keys: { account: string | null; customer: string | null }
  account_id: string | null
  /** The first is the customer that `keys.customer` is bound to. */
  customer_ids: string[]
  pids: Record<ProcessName, number | null>
}

export type ProcessName = 'api' | 'worker' | 'temporal' | 'postgres' | 'supplier' | 'psp'

const FILE = 'running.json'

/** Readable by the owner only: it holds keys and the database's password. */
export function writeRunning(dataFolder: string, running: Running): void {
  const fresh = join(dataFolder, `${FILE}.new`)
  rmSync(fresh, { force: true })
  writeFileSync(fresh, `${JSON.stringify(running, null, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, join(dataFolder, FILE))
}

/** What was running last; whether it still does, the data folder's lock knows. */
export function readRunning(dataFolder: string): Running | null {
  const file = join(dataFolder, FILE)
  if (!existsSync(file)) return null
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!isRunning(value)) throw new Error(`${file} is not what bark start writes: remove it`)
  return value
}

export function removeRunning(dataFolder: string): void {
  rmSync(join(dataFolder, FILE), { force: true })
}

/** We wrote the file ourselves and move it into place whole, so one field tells enough. */
function isRunning(value: unknown): value is Running {
  return typeof value === 'object' && value !== null && 'database_url' in value && 'pids' in value
}
