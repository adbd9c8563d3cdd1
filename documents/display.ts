import type { InvoiceAddress } from '../domain/invoice.ts'
import { formatDecimal } from '../domain/money.ts'
import type { InvoiceTax } from '../domain/invoice-lines.ts'
import { formatRate } from '../domain/tax.ts'
import type { TaxCategory } from '../domain/tax.ts'
import { countryName } from './country.ts'

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** Minor units for the eye: 123456 EUR is "1,234.56". */
export function displayAmount(minor: string, currency: string): string {
  return group(formatDecimal(BigInt(minor), currency))
}

/** What the document calls itself. */
export function displayKind(invoice: { kind: 'invoice' | 'credit_note' }): string {
  return invoice.kind === 'credit_note' ? 'Credit note' : 'Invoice'
}

/** A count for the eye: 12345 is "12,345". */
export function displayCount(count: number): string {
  return group(String(count))
}

function group(decimal: string): string {
  const [whole = '', fraction] = decimal.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** A calendar day, YYYY-MM-DD, in words: "22 November 2026". */
export function displayDate(date: string): string {
  const [year, month, day] = date.split('-').map(Number)
  return `${day} ${MONTHS[(month ?? 1) - 1]} ${year}`
}

/**
 * A function that prints RFC 3339 instants as wall time in an IANA zone: "2026-11-22 09:14:05".
 * Past instants keep their offset in the zone database, so the text does not change with it.
 *
 * @throws RangeError for a zone that does not exist
 */
export function wallClock(timeZone: string): (instant: string) => string {
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
    return `${date} ${parts.get('hour')}:${parts.get('minute')}:${parts.get('second')}`
  }
}

/** The mark of a tax on a line: the rate where one is charged, else the category's code. */
export function displayRate(category: TaxCategory, rate_bp: number): string {
  return category === 'S' ? `${formatRate(rate_bp)}\u00a0%` : category
}

/** How a tax is named beside its amount; the code is the one that stands on the lines. */
export function displayTax(tax: InvoiceTax): string {
  switch (tax.category) {
    case 'S':
      return `VAT ${formatRate(tax.rate_bp)}\u00a0%`
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
