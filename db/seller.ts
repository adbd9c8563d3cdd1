import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { LegalAddress } from './accounts.ts'
import { violatedConstraint, type Db } from './client.ts'

/** The legal entity behind an account: what its next documents print, and how they are numbered. */
export type Seller = {
  legal_name: string
  address: LegalAddress
  tax_id: string | null
  /** Number in the register of companies. */
  registration_id: string | null
  email: string
  bank_account: { account: string; bank_code: string | null } | null
  /** Days from the issue to the due date. */
  payment_term_days: number
  invoice_series: string
  credit_note_series: string
  /** 1 to 12: numbers begin anew with its first day. */
  fiscal_year_first_month: number
  /** BCP 47, for customers that have none of their own. */
  locale: string
}

/** Throws `not_found`. */
export async function getSeller(db: Db, accountId: string): Promise<Seller> {
  const row = await db
    .selectFrom('accounts')
    .select([
      'legal_name',
      sql<LegalAddress>`legal_address`.as('address'),
      'tax_id',
      'registration_id',
      'finance_email as email',
      sql<Seller['bank_account']>`case when bank_account is not null then
        jsonb_build_object('account', bank_account, 'bank_code', bank_code) end`.as('bank_account'),
      'payment_term_days',
      'invoice_series',
      'credit_note_series',
      'fiscal_year_first_month',
      'locale',
    ])
    .where('id', '=', accountId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such account.')
  return row
}

/**
 * Holds from the next document; what is issued stays as it is.
 *
 * @throws DomainError `invalid_fields` when both series are the same
 */
export async function updateSeller(db: Db, accountId: string, seller: Seller): Promise<void> {
  const { address, email, bank_account: bank, ...columns } = seller
  try {
    await db
      .updateTable('accounts')
      .set({
        ...columns,
        legal_address: JSON.stringify(address),
        country: address.country,
        finance_email: email,
        bank_account: bank?.account ?? null,
        bank_code: bank?.bank_code ?? null,
      })
      .where('id', '=', accountId)
      .execute()
  } catch (error) {
    if (violatedConstraint(error) !== 'accounts_series_differ') throw error
    const message = 'Is the series of invoices already'
    throw new DomainError('invalid_fields', `credit_note_series: ${message}`, {
      fields: [{ field: 'credit_note_series', message }],
    })
  }
}
