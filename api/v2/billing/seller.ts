import { z } from '@hono/zod-openapi'
import { getSeller, updateSeller, type Seller } from '../../../db/seller.ts'
import { hasIbanChecksum, isIban } from '../../../domain/bank-account.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { addressFields, line } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { localeField } from './document-shapes.ts'

const PAYMENT_TERM_DAYS_MAX = 365

const { street, street2, city, state, zip, country } = addressFields
const addressField = z
  .strictObject({ street, street2, city, state, zip, country })
  .openapi('LegalAddress')

const bankAccountField = z
  .strictObject({
    account: z
      .string()
      .regex(/^[A-Z0-9]{4,34}$/, 'Must be capital letters and digits, without spaces')
      .refine((account) => !isIban(account) || hasIbanChecksum(account), 'Is not a valid IBAN')
      .openapi({ example: 'DE89370400440532013000' }),
    bank_code: line(20).nullable().openapi({ example: 'COBADEFFXXX' }),
  })
  .openapi('BankAccount', {
    description: 'An IBAN and a BIC, or what the bank calls them where there are none.',
  })

/** A year at its end would look like the number of a fiscal year. */
const seriesField = z
  .string()
  .regex(/^[A-Z0-9-]{1,12}$/, 'Must be 1 to 12 capital letters, digits and hyphens')
  .refine((series) => !/-\d{4}$/.test(series), 'Must not end in a year: it is added')

const fields = {
  legal_name: line(200).openapi({ example: 'Nordlicht Codes GmbH' }),
  address: addressField,
  tax_id: line(40)
    .nullable()
    .openapi({ description: 'A VAT id, or a local tax number. Needed to charge tax.' }),
  registration_id: line(40)
    .nullable()
    .openapi({ description: 'In the register of companies.', example: 'HRB 98765' }),
  email: z.email().max(254),
  bank_account: bankAccountField
    .nullable()
    .openapi({ description: 'Where invoices ask to be paid to.' }),
  payment_term_days: z.int().min(0).max(PAYMENT_TERM_DAYS_MAX),
  invoice_series: seriesField.openapi({ example: 'INV' }),
  credit_note_series: seriesField.openapi({ example: 'CN' }),
  fiscal_year_first_month: z
    .int()
    .min(1)
    .max(12)
    .openapi({
      description:
        'Numbers begin anew with the first day of this month, in the time zone of the account, and ' +
        'carry the year in which that day lies.',
    }),
  locale: localeField.openapi({
    description: 'How figures and dates of documents are written, where the customer has no own.',
  }),
}

const sellerObject = z
  .strictObject({ object: z.literal('seller'), ...fields, locale: z.string() })
  .openapi('Seller')

const seller = {
  path: '/v2/seller',
  tag: 'Invoices',
  idempotency: 'none',
  responses: { 200: { description: 'Who sells.', schema: sellerObject } },
} as const

const reading = route({
  ...seller,
  operationId: 'getSeller',
  method: 'get',
  summary: 'Read whom documents name as the seller',
  access: 'invoices:read',
  rateClass: 'read',
  errors: ['forbidden_scope'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    return { status: 200, body: print(await getSeller(deps.database.db, accountId)) }
  },
})

const replacing = route({
  ...seller,
  operationId: 'replaceSeller',
  method: 'put',
  summary: 'Say whom documents name as the seller, and how they are numbered',
  description:
    'Holds from the next document; what is issued never changes. A country decides which tax is ' +
    'charged. A series that was used before goes on where it stopped, so numbers have no gaps.',
  access: 'invoices:write',
  rateClass: 'write',
  errors: ['forbidden_scope', 'invalid_fields'],
  body: z.strictObject(fields).openapi('SellerReplace'),
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    await updateSeller(deps.database.db, accountId, call.input.body)
    return { status: 200, body: print(await getSeller(deps.database.db, accountId)) }
  },
})

export const sellerRoutes: readonly Route[] = [reading, replacing]

function print(row: Seller) {
  return { object: 'seller' as const, ...row }
}
