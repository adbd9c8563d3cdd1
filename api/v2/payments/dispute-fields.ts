import { z } from '@hono/zod-openapi'
import type { NewEvidenceFile } from '../../../db/disputes.ts'
import { findCardNumber } from '../../../domain/card-number.ts'
import {
  DISPUTE_STATES,
  EVIDENCE_BYTES_MAX,
  EVIDENCE_CHARACTERS_MAX,
  EVIDENCE_KINDS,
  EVIDENCE_MEDIA,
} from '../../../domain/dispute.ts'
import { newId } from '../../../new-id.ts'
import { instantField, line, prose } from '../../fields.ts'
import { problemObject, refuse, refuseNumber } from './payment-fields.ts'

/** What the dispute routes are asked by and answer; `wire/dispute.ts` prints exactly this. */

const text = z.string()
const count = z.int().min(0)
const kind = z.enum(EVIDENCE_KINDS)
const media = z.enum(EVIDENCE_MEDIA)
const evidenceTexts = z.strictObject({
  transaction_details: text.nullable(),
  shipping_proof: text.nullable(),
  communication_logs: text.nullable(),
})

export const disputeObject = z
  .strictObject({
    object: z.literal('dispute'),
    id: text.openapi({ example: 'dp_0199c0de5a000123456789abcd' }),
    payment_id: text.openapi({ example: 'pay_0199c0de5a000123456789abcd' }),
    order_id: text.nullable(),
    customer_id: text.nullable(),
    status: z.enum(DISPUTE_STATES),
    reason: text.openapi({ example: 'fraudulent', description: "The provider's word." }),
    amount: count.openapi({ description: 'What is disputed, in minor units.' }),
    amount_returned: count.openapi({ description: 'What came back of it.' }),
    fee: count.openapi({ description: 'What the provider keeps for it.' }),
    currency: text.openapi({ example: 'usd' }),
    evidence_due_at: instantField,
    evidence: evidenceTexts,
    files: z.array(z.strictObject({ kind, name: text, content_type: text, size_bytes: count })),
    response: z
      .strictObject({
        kind: z.enum(['evidence', 'accepted']),
        status: z.enum(['pending', 'submitted', 'failed']),
        last_error: problemObject.nullable(),
        created_at: instantField,
      })
      .nullable()
      .openapi({ description: 'What you did about it; null until you do.' }),
    created_at: instantField,
    links: z.strictObject({ self: text, payment: text, order: text.nullable() }),
  })
  .openapi('Dispute')

/** Four characters for each three bytes. */
const BASE64_CHARACTERS_MAX = Math.ceil(EVIDENCE_BYTES_MAX / 3) * 4

/** The papers in base64, the texts, and what stands around them. */
export const RESPOND_BODY_BYTES_MAX = BASE64_CHARACTERS_MAX + 256 * 1024

const paper = z.strictObject({
  kind,
  name: line(200).openapi({ example: 'delivery-note.pdf' }),
  content_type: media,
  content: text
    .min(1)
    .max(BASE64_CHARACTERS_MAX)
    .openapi({ format: 'byte', description: 'Base64.' }),
})

const evidenceText = prose(EVIDENCE_CHARACTERS_MAX).min(1).optional()

export const respondBody = z
  .strictObject({
    evidence: z
      .strictObject({
        transaction_details: evidenceText,
        shipping_proof: evidenceText,
        communication_logs: evidenceText,
      })
      .optional(),
    from_order: z
      .boolean()
      .optional()
      .openapi({ description: 'Adds what the order says by itself for each text left out.' }),
    files: z
      .array(paper)
      .max(EVIDENCE_KINDS.length)
      .optional()
      .openapi({ description: 'One of each kind at most; 5 MiB together.' }),
  })
  .openapi('DisputeResponse')

type RespondBody = z.output<typeof respondBody>

/**
 * The papers of an answer, decoded.
 *
 * @throws DomainError `invalid_fields`, `card_number_refused`
 */
export function readPapers({ evidence, files = [] }: RespondBody): NewEvidenceFile[] {
  const found = findCardNumber({ evidence, files: files.map(({ name }) => ({ name })) })
  if (found !== null) throw refuseNumber(found)
  const papers = files.map((file, index) => {
    const content = Buffer.from(file.content, 'base64')
    if (content.toString('base64') !== file.content) {
      throw refuse(`files.${index}.content`, 'Must be base64, with its padding')
    }
    if (files.findIndex((other) => other.kind === file.kind) !== index) {
      throw refuse(`files.${index}.kind`, 'There is one file of each kind')
    }
    const { name, content_type, kind: of } = file
    return { id: newId('disputeFile'), kind: of, name, media: content_type, content }
  })
  const bytes = papers.reduce((all, { content }) => all + content.length, 0)
  if (bytes > EVIDENCE_BYTES_MAX) throw refuse('files', 'Must not be more than 5 MiB together')
  return papers
}
