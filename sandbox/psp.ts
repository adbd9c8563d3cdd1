import { serve } from '@hono/node-server'
import { openHooks } from './psp-hooks.ts'
import { buildPsp } from './psp-http.ts'
import { openPspStore } from './psp-store.ts'

/**
 * The sandbox PSP: a pretend payment service with its own process, store and ledger. It speaks
 * Stripe's wire format, so that Stripe's own libraries talk to it unchanged. Settings:
 * `SANDBOX_PSP_PORT` (0 = any), `SANDBOX_PSP_DATA` (path of its file; empty = in memory),
 * `SANDBOX_PSP_WEBHOOK_URL` (where events go; more are added by `POST /v1/webhook_endpoints`) and
 * `SANDBOX_PSP_WEBHOOK_SECRET`.
 */

const JOBS_MS = 250

function main(): void {
  const store = openPspStore(process.env.SANDBOX_PSP_DATA ?? '')
  const hooks = openHooks(store, process.env.SANDBOX_PSP_WEBHOOK_SECRET ?? 'whsec_sandbox')
  const hook = process.env.SANDBOX_PSP_WEBHOOK_URL ?? ''
  if (hook !== '') store.append([{ endpoint: { id: 'we_start', url: hook } }])
  let port = Number(process.env.SANDBOX_PSP_PORT ?? '8091')
  const psp = buildPsp({
    store,
    hooks,
    url: () => `http://127.0.0.1:${port}`,
    onError: (error) => writeLog('error', 'request_failed', { error: error.message }),
  })
  const server = serve({ fetch: psp.app.fetch, port, hostname: '127.0.0.1' }, (info) => {
    port = info.port
    writeLog('info', 'ready', { port: info.port })
  })
  const clock = setInterval(psp.runDue, JOBS_MS)
  const stop = (): void => {
    clearInterval(clock)
    hooks.close()
    server.close(() => {
      store.close()
      process.exit(0)
    })
    if ('closeAllConnections' in server) server.closeAllConnections()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.once('disconnect', stop)
}

function writeLog(level: 'info' | 'error', msg: string, fields: Record<string, unknown>): void {
  const line = { level, time: new Date().toISOString(), process: 'sandbox-psp', ...fields, msg }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

main()
