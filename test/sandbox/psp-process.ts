import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readyPort } from '../ready-port.ts'

const PROGRAM = fileURLToPath(new URL('../../sandbox/psp.ts', import.meta.url))

/** A line of the PSP's own ledger. */
export type PspEntry = {
  id: string
  type: string
  reporting_category: string
  amount: number
  fee: number
  net: number
  currency: string
  source: string
}

export type PspProcess = {
  url: string
  port: number
  /** Everything that ever moved on one connected account. */
  ledger(account: string): Promise<PspEntry[]>
  /** The next call of this kind on this account meets a fault. */
  plant(account: string, operation: string, fault: string): Promise<void>
  /** The payer disputes so much of a payment, by its id at the service. */
  dispute(account: string, paymentIntent: string, amount: number): Promise<void>
  /** Events go here from now on. */
  register(webhookUrl: string): Promise<void>
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/** The real program in a process of its own. An empty `data` keeps its store in memory. */
export async function startPspProcess(options: { data?: string } = {}): Promise<PspProcess> {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, SANDBOX_PSP_PORT: '0', SANDBOX_PSP_DATA: options.data ?? '' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const port = await readyPort(child)
  const url = `http://127.0.0.1:${port}`
  const post = async (path: string, form: Record<string, string>) => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { Authorization: 'Bearer sk_test_sandbox' },
      body: new URLSearchParams(form),
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  }
  return {
    url,
    port,
    async ledger(account) {
      const answer = await fetch(`${url}/sandbox/ledger?account=${account}`)
      return ((await answer.json()) as { entries: PspEntry[] }).entries
    },
    plant: (account, operation, fault) => post('/sandbox/faults', { account, operation, fault }),
    dispute: (account, payment_intent, amount) =>
      post('/sandbox/disputes', { account, payment_intent, amount: `${amount}` }),
    register: (webhookUrl) => post('/v1/webhook_endpoints', { url: webhookUrl }),
    async kill(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
  }
}
