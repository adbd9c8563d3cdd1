import { renderCii } from '../../documents/cii.ts'
import { renderInvoicePdf } from '../../documents/pdf.ts'
import { renderUbl } from '../../documents/ubl.ts'
import { computeInvoice, type InvoiceSnapshot } from '../../domain/invoice.ts'
import { runBalance, type Statement, type StatementMove } from '../../domain/statement.ts'
import { judgeNorm, judgePdfA } from './judges.ts'
import {
  sampleCreditNote,
  sampleInput,
  sampleInvoice,
  sampleUnits,
  taxedUnits,
} from './sample-invoice.ts'

/** Documents of every kind, each with something that has gone wrong in others. */

const taxed = computeInvoice(sampleInput({ units: taxedUnits(), prepaid_minor: 500n }))
const vouchers = sampleInvoice(3)
const [fee] = taxedUnits()

export const SAMPLES: Readonly<Record<string, InvoiceSnapshot>> = {
  vouchers,
  'many-pages': sampleInvoice(160, { units: sampleUnits(160, 240) }),
  'two-tax-groups': taxed,
  // One day of vouchers and a taxed fee: two documents, because the first is outside the scope of VAT.
  'day-vouchers': sampleInvoice(2, { number: 'INV-2026-000124' }),
  'day-fee': computeInvoice(
    sampleInput({ number: 'INV-2026-000125', units: fee === undefined ? [] : [fee] }),
  ),
  supplementary: sampleInvoice(1, {
    number: 'INV-2026-000126',
    notes: ['Supplementary invoice: delivered after the first invoice of this purchase order.'],
  }),
  cyrillic: sampleInvoice(6, {
    buyer: {
      ...sampleInput().buyer,
      name: 'Иван Петров',
      company: 'Ваучер & Ко ЕООД',
      address: { street: 'бул. „Витоша“ 12', city: 'София', zip: '1000', country: 'BG' },
      tax_id: 'BG123456789',
    },
  }),
  // Each writes figures in a way of its own: 1.234,50 and 1 234,50 and 1'234.50.
  greek: sampleInvoice(40, { units: sampleUnits(40, 120), locale: 'el-GR' }),
  polish: computeInvoice(sampleInput({ units: taxedUnits(), locale: 'pl' })),
  swiss: sampleInvoice(6, { locale: 'de-CH', units: sampleUnits(6, 90) }),
  'to-an-iban': sampleInvoice(2, {
    seller: {
      ...sampleInput().seller,
      bank_account: { account: 'DE89370400440532013000', bank_code: 'COBADEFFXXX' },
    },
  }),
  'to-another-account': computeInvoice(
    sampleInput({
      units: taxedUnits(),
      seller: { ...sampleInput().seller, bank_account: { account: '000123456789' } },
    }),
  ),
  yen: sampleInvoice(2, { currency: 'JPY' }),
  // Three decimals: PDF and CSV only.
  dinar: sampleInvoice(2, { currency: 'KWD' }),
  'credit-note': sampleCreditNote(taxed),
  'credit-note-vouchers': sampleCreditNote(vouchers),
}

const { seller, buyer } = sampleInput()

function sampleStatement(rows: number): Statement {
  const moves = Array.from({ length: rows }, (_, index): StatementMove => {
    const isInvoice = index % 2 === 0
    return {
      date: new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10),
      kind: isInvoice ? 'invoice' : 'payment',
      reference: isInvoice ? `INV-2026-${String(index).padStart(6, '0')}` : `SEPA Δ ${index}`,
      amountMinor: isInvoice ? 123_456n : -120_000n,
    }
  })
  const entries = runBalance(-5_000n, moves)
  return {
    customerId: buyer.customer_id,
    currency: 'EUR',
    seller,
    buyer,
    locale: 'el-GR',
    from: '2026-01-01',
    before: '2027-01-01',
    until: '2026-12-31',
    openingMinor: -5_000n,
    closingMinor: entries.at(-1)?.balanceMinor ?? -5_000n,
    entries,
    openInvoices: [],
    unallocatedMinor: 5_000n,
  }
}

export const STATEMENTS: Readonly<Record<string, Statement>> = {
  'statement-empty': sampleStatement(0),
  'statement-year': sampleStatement(300),
}

type BadSample = {
  name: string
  /** The rule that it breaks, as the judge calls it. */
  reason: string
  judge: (path: string) => string[]
  content: () => Uint8Array | string | Promise<Uint8Array>
}

/** Good documents in which one thing was spoilt: who passes them is no judge. */
export const BAD_SAMPLES: readonly BadSample[] = [
  {
    name: 'bad-sum.cii.xml',
    reason: 'BR-CO-10',
    judge: judgeNorm,
    content: () =>
      renderCii(vouchers).replace(
        /(<ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>)[^<]*/,
        '$11.00',
      ),
  },
  {
    name: 'bad-buyer.ubl.xml',
    reason: 'BR-07',
    judge: judgeNorm,
    content: () =>
      renderUbl(vouchers).replace(
        /(<cac:AccountingCustomerParty>.*?<cbc:RegistrationName>)[^<]*/s,
        '$1',
      ),
  },
  {
    name: 'bad-credit-note.ubl.xml',
    reason: 'BR-CO-15',
    judge: judgeNorm,
    content: () =>
      renderUbl(sampleCreditNote(taxed)).replace(
        /(<cbc:TaxInclusiveAmount currencyID="EUR">)[^<]*/,
        '$11.00',
      ),
  },
  {
    name: 'bad-metadata.pdf',
    reason: 'clause 6.6.4',
    judge: judgePdfA,
    content: async () =>
      Buffer.from(
        Buffer.from(await renderInvoicePdf(vouchers))
          .toString('latin1')
          .replace('<pdfaid:part>3', '<pdfaid:part>1'),
        'latin1',
      ),
  },
]
