import { z } from 'zod'
import { openSandbox } from './api-client.ts'
import { UsageError, type CommandContext } from './command.ts'

const count = z.number()
const instant = z.string().nullable()
const stockShape = z.object({
  sku: z.string(),
  available: count,
  expires_within_7_days: count,
  expires_within_30_days: count,
  expired: count,
  quarantined: count,
  oldest_at: instant,
  first_expiry_at: instant,
})
const quarantinedShape = z.object({
  id: z.string(),
  product_id: z.string(),
  reason: z.string(),
  supplier_id: instant,
  supplier_reference: instant,
  last4: z.string(),
  quarantined_at: z.string(),
})

/** `bark codes stock`: one line per SKU. Repeatable; changes nothing. */
export async function showCodeStock(args: string[], context: CommandContext): Promise<number> {
  refuseArguments(args)
  const rows = await openSandbox(context).list('/v2/code-stock', stockShape)
  show(rows, context, (row) =>
    [
      row.sku,
      `${row.available} to sell`,
      `${row.expires_within_7_days} expire within 7 days, ${row.expires_within_30_days} within 30`,
      `${row.expired} expired`,
      `${row.quarantined} kept aside`,
      `oldest of ${day(row.oldest_at)}`,
      `first expires ${day(row.first_expiry_at)}`,
    ].join('  '),
  )
  return 0
}

/** `bark codes quarantined`: one line per code, the latest first; never the code. */
export async function showQuarantined(args: string[], context: CommandContext): Promise<number> {
  refuseArguments(args)
  const rows = await openSandbox(context).list('/v2/quarantined-codes', quarantinedShape)
  show(rows, context, (row) =>
    [
      row.quarantined_at.slice(0, 16),
      row.reason,
      row.product_id,
      `${row.supplier_id ?? 'own pool'} ${row.supplier_reference ?? ''}`,
      `…${row.last4}`,
    ].join('  '),
  )
  return 0
}

function show<Row>(rows: Row[], { json, out }: CommandContext, words: (row: Row) => string): void {
  for (const row of rows) out(json ? JSON.stringify(row) : words(row))
  if (rows.length === 0 && !json) out('There are none.')
}

function day(at: string | null): string {
  return at === null ? 'never' : at.slice(0, 10)
}

function refuseArguments(args: string[]): void {
  if (args.length > 0) throw new UsageError('This takes no arguments')
}
