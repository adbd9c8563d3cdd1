import type { Config } from '../config.ts'
import type { Running } from './running.ts'

/** What a newcomer reads when everything is ready: addresses, keys, and the next line to paste. */
export function welcomeText(running: Running, config: Config, seconds: number): string {
  const rows: [string, string | null][] = [
    ['API', running.api],
    ['Docs', running.docs],
    ['Finance', running.finance],
    ['Inbox', running.inbox],
    ['Temporal', running.temporal_ui],
    ['Supplier', running.sandbox.supplier],
    ['Payments', running.sandbox.psp],
    ['Database', running.database_url],
    ['Account key', running.keys.account],
    ['Customer key', running.keys.customer],
    ['Webhooks', webhookHosts(config)],
  ]
  const table = rows.flatMap(([label, value]) =>
    value === null ? [] : [`  ${label.padEnd(14)} ${value}`],
  )
  return [
    '',
    `Bark is ready (${seconds.toFixed(1)} s).`,
    '',
    ...table,
    ...nextStep(running),
    '',
    'Ctrl-C stops everything.',
  ].join('\n')
}

function webhookHosts(config: Config): string | null {
  const hosts = config.webhooks.allowedPrivateHosts
  return hosts.length === 0 ? null : `may also reach ${hosts.join(', ')}`
}

function nextStep({ api, keys }: Running): string[] {
  if (api === null || keys.customer === null) return []
  const key = `-H 'Authorization: Bearer ${keys.customer}'`
  return [
    '',
    'Order two codes and see them (the inner call orders, the outer one waits for the codes):',
    '',
    `  curl -s "${api}$(curl -s ${api}/v2/transactions ${key} \\`,
    `    -H 'Content-Type: application/json' -d '{"items":[{"sku":"TEST-INSTANT","quantity":2}]}' \\`,
    `    | grep -o '/v2/transactions/[^"]*/codes')" ${key} -H 'Prefer: wait=10'`,
    '',
    'Then: npm run demo',
  ]
}
