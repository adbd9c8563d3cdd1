import { openDatabase } from '../db/client.ts'
import { listLastLedgerReports, type LedgerReportRow } from '../db/ledger-reconciliations.ts'
import { reconcile, type IdentityResult } from '../db/reconciliation.ts'
import { formatDecimal } from '../domain/money.ts'
import { UsageError, type CommandContext } from './command.ts'

export const help = `bark reconcile [--account acc_…]
  Compares what orders, invoices, credit notes and payments say with what the ledger says, at one
  instant, and prints each identity of finance with the rows that break it; provider lists what the
  daily comparison with the payment provider found (POST /v2/payments/reconciliations repeats a day).
  Below it says what the last kept report of each account said, which is made every night.
  --account  one account only (default: all)
Exit code 0 when everything agrees now, 1 when anything differs.`

/** Reads only; safe at any time. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const accountId = readAccount(args)
  const database = openDatabase({
    url: context.config.database.url,
    poolSizeMax: 1,
    applicationName: 'bark-reconcile',
    onError: () => undefined, // the statement that meets it says so
  })
  try {
    const results = await reconcile(database.db, accountId)
    print(results, context)
    printReports(await listLastLedgerReports(database.db, accountId), context)
    return results.every(({ differences }) => differences.length === 0) ? 0 : 1
  } finally {
    await database.close()
  }
}

function readAccount(args: string[]): string | null {
  const [flag, value, ...rest] = args
  if (flag === undefined) return null
  if (flag === '--account' && value !== undefined && rest.length === 0) return value
  throw new UsageError(`bark reconcile knows only --account acc_…, not ${args.join(' ')}`)
}

function print(results: IdentityResult[], { json, out }: CommandContext): void {
  for (const result of results) {
    if (json) {
      out(
        JSON.stringify(result, (_, value: unknown) =>
          typeof value === 'bigint' ? Number(value) : value,
        ),
      )
      continue
    }
    const verdict = result.differences.length === 0 ? 'ok     ' : 'DIFFERS'
    out(`${verdict} ${result.name.padEnd(20)} ${result.says}`)
    for (const row of result.differences) {
      const [expected, actual] = [row.expected_minor, row.actual_minor].map((minor) =>
        formatDecimal(minor, row.currency),
      )
      out(
        `        ${row.account_id} ${row.subject}: ${expected} expected, ${actual} found (${row.currency})`,
      )
    }
  }
}

function printReports(reports: LedgerReportRow[], { json, out }: CommandContext): void {
  for (const report of reports) {
    const { account_id, business_date, identities, differing } = report
    if (json) {
      const { run: number } = report
      const last_report = { account_id, business_date, run: number, identities, differing }
      out(JSON.stringify({ last_report }))
      continue
    }
    const verdict =
      differing === 0 ? `all ${identities} held` : `${differing} of ${identities} did not hold`
    out(`last report  ${account_id} after ${business_date}: ${verdict}`)
  }
}
