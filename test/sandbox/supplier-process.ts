import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../sandbox/supplier.ts', import.meta.url))

export type Sold = { reference: string; sku: string; code: string; pin: string | null }

export type SupplierProcess = {
  port: number
  url: string
  /** Everything it ever sold. */
  ledger(): Promise<Sold[]>
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>
}

/** The real program in a process of its own. An empty `data` keeps its store in memory. */
export async function startSupplierProcess(data = ''): Promise<SupplierProcess> {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, SANDBOX_SUPPLIER_PORT: '0', SANDBOX_SUPPLIER_DATA: data },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const output = child.stdout
  if (output === null) throw new Error('a pipe was asked for')
  for await (const line of createInterface({ input: output })) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number }
    if (msg !== 'ready') continue
    output.resume()
    const url = `http://127.0.0.1:${port}`
    return {
      port,
      url,
      async ledger() {
        const response = await fetch(`${url}/ledger`)
        return ((await response.json()) as { sales: Sold[] }).sales
      },
      async kill(signal) {
        if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
        const ended = once(child, 'exit')
        child.kill(signal)
        await ended
        return child.exitCode
      },
    }
  }
  throw new Error('the sandbox supplier ended before it was ready')
}
