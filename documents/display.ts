import { displayAccount, type BankAccount } from '../domain/bank-account.ts'
import type { InvoiceAddress } from '../domain/invoice.ts'
import { formatDecimal } from '../domain/money.ts'
import type { InvoiceTax } from '../domain/invoice-lines.ts'
import { formatRate } from '../domain/tax.ts'
import type { TaxCategory } from '../domain/tax.ts'
import { countryName } from './country.ts'
import { localeOf, writeDate, writeDecimal } from './locale.ts'

/**
 * Figures and dates for the eye. Documents write them as their customer's locale does (a BCP 47 tag);
 * pages are in English.
 */
const PAGES = 'en'

/** Minor units for the eye: 123456 EUR is "1,234.56". */
export function displayAmount(minor: string, currency: string, locale = PAGES): string {
  return writeDecimal(formatDecimal(BigInt(minor), currency), localeOf(locale))
}

/** What the document calls itself. */
export function displayKind(invoice: { kind: 'invoice' | 'credit_note' }): string {
  return invoice.kind === 'credit_note' ? 'Credit note' : 'Invoice'
}

/** A count for the eye: 12345 is "12,345". */
export function displayCount(count: number, locale = PAGES): string {
  return writeDecimal(String(count), localeOf(locale))
}

/** A calendar day, YYYY-MM-DD: "22 November 2026". */
export function displayDate(date: string, locale = PAGES): string {
  return writeDate(date, localeOf(locale).date)
}

/**
 * A function that prints RFC 3339 instants as wall time in an IANA zone: "2026-11-22 09:14:05".
 * Past instants keep their offset in the zone database, so the text does not change with it.
 *
 * @throws RangeError for a zone that does not exist
 */
export function wallClock(timeZone: string, locale = PAGES): (instant: string) => string {
  const { shortDate } = localeOf(locale)
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  return (instant) => {
    const parts = new Map(
      format.formatToParts(new Date(instant)).map((part) => [part.type, part.value]),
    )
    const date = `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`
    return `${writeDate(date, shortDate)} ${parts.get('hour')}:${parts.get('minute')}:${parts.get('second')}`
  }
}

/** The mark of a tax on a line: the rate where one is charged, else the category's code. */
export function displayRate(category: TaxCategory, rate_bp: number, locale = PAGES): string {
  return category === 'S' ? percent(rate_bp, locale) : category
}

function percent(rate_bp: number, locale: string): string {
  return `${writeDecimal(formatRate(rate_bp), localeOf(locale))}\u00a0%`
}

/** How a tax is named beside its amount; the code is the one that stands on the lines. */
export function displayTax(tax: InvoiceTax, locale = PAGES): string {
  switch (tax.category) {
    case 'S':
      return `VAT ${percent(tax.rate_bp, locale)}`
    case 'Z':
      return 'VAT 0\u00a0%, zero rated (Z)'
    case 'E':
      return 'Exempt from VAT (E)'
    case 'AE':
      return 'VAT reverse charge (AE)'
    case 'G':
      return 'VAT 0\u00a0%, export (G)'
    case 'O':
      return 'Outside the scope of VAT'
  }
}

/** Where and under which reference an invoice is paid, for one line of text. */
export function displayPayment({ account, bank_code }: BankAccount, reference: string): string {
  const bank = bank_code === undefined ? '' : `, ${bank_code}`
  return `${displayAccount(account).replaceAll(' ', '\u00a0')}${bank}, reference ${reference}`
}

/** The lines of an address as the post wants them; where there is a state, it follows the city. */
export function addressLines(address: InvoiceAddress): string[] {
  const cityFirst =
    address.state !== undefined || address.country === 'GB' || address.country === 'IE'
  const region = [address.state, address.zip].filter(Boolean).join(' ')
  const city = cityFirst
    ? [address.city, region].filter(Boolean).join(', ')
    : [address.zip, address.city].filter(Boolean).join(' ')
  return [address.street, address.street2 ?? '', city, countryName(address.country)].filter(Boolean)
}
