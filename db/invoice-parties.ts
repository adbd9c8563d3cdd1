import { sql } from 'kysely'
import type { InvoiceAddress, InvoiceHead } from '../domain/invoice.ts'
import { DomainError } from '../domain/error.ts'
import type { Tx } from './client.ts'
import type { JsonValue } from './tables.ts'

/** Who sells to whom, as the invoice prints it. */
export type InvoiceParties = {
  sellerCountry: string
  buyerCountry: string
  /** Today in the seller's zone, YYYY-MM-DD: what a document would be issued on now. */
  issueDate: string
  snapshot: Pick<InvoiceHead, 'seller' | 'buyer' | 'time_zone' | 'locale'>
}

/** Reads seller and buyer of an invoice. A buyer without an address is taken to be at the seller's. */
export async function getInvoiceParties(
  tx: Tx,
  { accountId, customerId }: { accountId: string; customerId: string },
): Promise<InvoiceParties> {
  const row = await tx
    .selectFrom('customers as c')
    .innerJoin('accounts as a', 'a.id', 'c.account_id')
    .select([
      'a.legal_name',
      'a.legal_address',
      'a.tax_id as seller_tax_id',
      'a.finance_email',
      'a.country',
      'a.registration_id',
      'a.bank_account',
      'a.bank_code',
      'a.time_zone',
      sql<string>`coalesce(c.locale, a.locale)`.as('locale'),
      sql<string>`(business_now(a.id) at time zone a.time_zone)::date`.as('issue_date'),
      'c.email',
      'c.first_name',
      'c.last_name',
      'c.company',
      'c.addresses',
      'c.tax_id',
    ])
    .where('c.account_id', '=', accountId)
    .where('c.id', '=', customerId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer')
  const sellerAddress = toAddress(row.legal_address)
  if (sellerAddress === null) {
    throw new DomainError('seller_incomplete', 'The seller has no complete legal address.')
  }
  const addresses = Array.isArray(row.addresses) ? row.addresses : []
  const billing = addresses.find((entry) => isOfKind(entry, 'billing')) ?? addresses[0]
  const address = billing === undefined ? null : toAddress(billing)
  const person = [row.first_name, row.last_name].filter((part) => part !== null).join(' ')
  return {
    sellerCountry: row.country,
    buyerCountry: address?.country ?? row.country,
    issueDate: row.issue_date,
    snapshot: {
      time_zone: row.time_zone,
      locale: row.locale,
      seller: {
        legal_name: row.legal_name,
        address: sellerAddress,
        ...(row.seller_tax_id === null ? {} : { tax_id: row.seller_tax_id }),
        ...(row.registration_id === null ? {} : { registration_id: row.registration_id }),
        email: row.finance_email,
        ...(row.bank_account === null
          ? {}
          : {
              bank_account: {
                account: row.bank_account,
                ...(row.bank_code === null ? {} : { bank_code: row.bank_code }),
              },
            }),
      },
      buyer: {
        customer_id: customerId,
        name: row.company ?? (person === '' ? row.email : person),
        ...(row.company === null ? {} : { company: row.company }),
        email: row.email,
        ...(address === null ? {} : { address }),
        ...(row.tax_id === null ? {} : { tax_id: row.tax_id }),
      },
    },
  }
}

function isOfKind(entry: JsonValue, kind: string): boolean {
  return isObject(entry) && entry['kind'] === kind
}

/** The address as the invoice needs it, or null when a required part is missing. */
function toAddress(value: JsonValue): InvoiceAddress | null {
  if (!isObject(value)) return null
  const text = (name: string) => (typeof value[name] === 'string' ? value[name] : '')
  const [street, city, zip, country] = [text('street'), text('city'), text('zip'), text('country')]
  if (street === '' || city === '' || country === '') return null
  return {
    street,
    ...(text('street2') === '' ? {} : { street2: text('street2') }),
    city,
    ...(text('state') === '' ? {} : { state: text('state') }),
    zip,
    country,
  }
}

function isObject(value: JsonValue): value is { [name: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
