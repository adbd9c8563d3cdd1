import type { CommandContext } from '../../cli/command.ts'
import type { Running } from '../../cli/running.ts'
import type { Config } from '../../config.ts'

/** A command's context, and what it printed. */
export type Spoken = { context: CommandContext; out: string[]; err: string[] }

/** What a command of a test hears and says; it runs in the process of the test. */
export function commandContext(
  config: Config,
  options: { json?: boolean; dataDir?: string; running?: Partial<Running> } = {},
): Spoken {
  const out: string[] = []
  const err: string[] = []
  const running: Running = {
    api: null,
    docs: null,
    temporal_address: null,
    temporal_namespace: 'default',
    temporal_ui: null,
    database_url: config.database.url,
    finance: null,
    inbox: null,
    sandbox: { supplier: null, psp: null },
    keys: { account: null, customer: null },
    account_id: null,
    customer_ids: [],
    pids: { api: null, worker: null, temporal: null, postgres: null, supplier: null, psp: null },
    ...options.running,
  }
  return {
    out,
    err,
    context: {
      config,
      json: options.json ?? false,
      out: (text) => out.push(text),
      err: (text) => err.push(text),
      dataDir: options.dataDir ?? '',
      running: options.running === undefined ? null : running,
    },
  }
}
