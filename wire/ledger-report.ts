import type { LedgerReportRow } from '../db/ledger-reconciliations.ts'
import { printInstant } from './instant.ts'

/** A report of the books: whether each identity of finance held. Amounts are minor units. */
export function renderLedgerReport(row: LedgerReportRow) {
  return {
    object: 'ledger_reconciliation' as const,
    id: row.id,
    date: row.business_date,
    run: row.run,
    status: row.ended_at === null ? ('running' as const) : ('done' as const),
    in_balance: row.differing === null ? null : row.differing === 0,
    identities: (row.lines ?? []).map(({ name, says, differences, first }) => ({
      name,
      says,
      difference_count: differences,
      differences: first.map(({ subject, currency, expected_minor, actual_minor }) => ({
        subject,
        currency,
        expected_minor: Number(expected_minor),
        actual_minor: Number(actual_minor),
        difference_minor: Number(BigInt(actual_minor) - BigInt(expected_minor)),
      })),
    })),
    requested_at: printInstant(row.requested_at),
    ended_at: row.ended_at === null ? null : printInstant(row.ended_at),
  }
}
