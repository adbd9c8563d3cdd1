import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { TaxPolicy } from '../../domain/tax.ts'

/** A merchant's own tax policies: `TAX_POLICIES_FILE`, a JSON list in the form of `TaxPolicy`. */

const CATEGORIES = ['S', 'Z', 'E', 'AE', 'G', 'O'] as const
const country = z.string().regex(/^[A-Z]{2}$/)
const place = z.string().regex(/^(\*|@\w+|[A-Z]{2})$/, 'Must be a country, @group or *')
const basisPoints = z.int().min(0).max(10_000)
const rule = z
  .strictObject({
    seller: place,
    buyer: place,
    domestic: z.boolean().optional(),
    customer: z.enum(['business', 'consumer']).optional(),
    products: z
      .array(
        z.enum([
          'multi_purpose_voucher',
          'single_purpose_voucher',
          'digital_service',
          'goods',
          'fee',
        ]),
      )
      .optional(),
    category: z.enum(CATEGORIES),
    rate: z.union([basisPoints, z.literal('standard')]),
    exemption_text: z.string().min(1).optional(),
    exemption_code: z.string().min(1).optional(),
  })
  .refine(({ category, rate }) => (category === 'S') === (rate !== 0), {
    error: 'Category S has a rate, and no other one has',
  })
  .refine(
    ({ category, exemption_text }) =>
      ['S', 'Z'].includes(category) === (exemption_text === undefined),
    { error: 'E, AE, G and O say why no tax is charged; S and Z do not' },
  )
const policies = z
  .array(
    z.strictObject({
      version: z.string().min(1),
      valid_from: z.iso.date(),
      groups: z.record(z.string(), z.array(country)),
      standard_rates_bp: z.record(country, basisPoints),
      rules: z.array(rule).min(1),
    }),
  )
  .min(1)

/** Reads and checks the file; throws one error that names what is wrong, before anything starts. */
export function readTaxPolicies(path: string): readonly TaxPolicy[] {
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const parsed = policies.safeParse(content)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`${path} holds no tax policies:\n  ${problems.join('\n  ')}`)
}
