import { z } from '@hono/zod-openapi'
import { readTogether } from '../../../db/client.ts'
import { checkInvoiceHashes, listProofParts } from '../../../db/order-proof-parts.ts'
import { checkOrder } from '../../../db/order-proofs.ts'
import { getTransactionView } from '../../../db/transactions.ts'
import { renderChecks, renderProofParts } from '../../../wire/order-proof.ts'
import { transactionWorkflowId } from '../../../workflows/contract.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { idParameter, instantField } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { ownerOf, printOrder, requireTransactionId } from './order-calls.ts'
import { decimal, minor, orderObject } from './order-shapes.ts'

const text = z.string()
const signedMinor = z.int().openapi({ example: -4999 })

const orderProof = z
  .strictObject({
    object: z.literal('order_proof'),
    holds: z.boolean().openapi({ description: 'Whether every one of `checks` holds.' }),
    checks: z.array(
      z.strictObject({
        name: text.openapi({ example: 'billed' }),
        says: text,
        subject: text.openapi({ description: 'The order, an invoice or a payment.' }),
        measure: z
          .enum(['money', 'count'])
          .openapi({ description: 'Minor units of the order’s currency, or pieces.' }),
        expected: signedMinor,
        actual: signedMinor,
        holds: z.boolean(),
      }),
    ),
    workflow_id: text.openapi({ example: 'transaction/txn_0199c0de5a000123456789abcd' }),
    order: orderObject,
    units: z.array(
      z.strictObject({
        id: text,
        position: z.int().min(1),
        line_id: text,
        sku: text,
        price: decimal,
        price_minor: minor,
        credited_minor: minor,
        state: text,
        reason: text.nullable(),
        allocated_at: instantField.nullable(),
        replaces_unit_id: text.nullable(),
        invoice_id: text.nullable(),
        code: z
          .strictObject({ id: text, masked: text.openapi({ example: '****K7Q2' }) })
          .nullable(),
      }),
    ),
    ledger: z.array(
      z.strictObject({
        id: text,
        kind: text.openapi({ example: 'units_allocated' }),
        source_id: text,
        occurred_at: instantField,
        entries: z
          .array(z.strictObject({ account: text, amount_minor: signedMinor }))
          .openapi({ description: 'A debit is positive, a credit negative.' }),
      }),
    ),
    invoice_lines: z.array(
      z.strictObject({
        invoice_id: text,
        invoice_number: text,
        invoice_status: z.enum(['open', 'paid', 'void']),
        position: z.int().min(1),
        sku: text,
        unit_price_minor: minor,
        quantity: z.int().min(1),
        net_minor: minor,
        units_of_order: z.int().min(1),
      }),
    ),
    credit_notes: z.array(
      z.strictObject({
        id: text,
        number: text.nullable(),
        status: z.enum(['pending', 'issued']),
        invoice_id: text,
        net_minor: minor,
      }),
    ),
    payments: z.array(
      z.strictObject({
        kind: z.enum(['captured', 'refunded', 'received']),
        id: text,
        status: text,
        for_id: text.nullable(),
        amount: decimal,
        amount_minor: minor,
      }),
    ),
    deliveries: z.array(
      z.strictObject({
        id: text,
        event_id: text,
        event_type: text,
        webhook_id: text,
        status: text,
        attempts: z.int().min(0),
        ended_at: instantField.nullable(),
      }),
    ),
  })
  .openapi('OrderProof')

const reading = route({
  operationId: 'getOrderProof',
  method: 'get',
  path: '/v2/orders/{id}/proof',
  tag: 'Orders',
  summary: 'Prove an order to the cent',
  description:
    'Everything that an order became, and the sums that must match at every instant: the order, its ' +
    'units and codes (masked), ledger entries, invoice lines, payments and webhook deliveries. Of ' +
    'each list at most 10,000 rows; the sums always count all of them.',
  access: 'finance:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'ord_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The proof, at one instant.', schema: orderProof } },
  errors: ['not_found', 'forbidden_scope'],
  async handler(deps, { caller, input }) {
    const transactionId = requireTransactionId(input.params.id)
    const key = { accountId: caller.accountId, transactionId }
    return readTogether(deps.database.db, async (tx) => {
      const view = await getTransactionView(tx, ownerOf(caller), transactionId)
      // Its invoices and ledger are the account's books, also where the order is the customer's own.
      refuseBoundKey(caller)
      const checks = await checkOrder(tx, key)
      const parts = await listProofParts(tx, key)
      const invoiceIds = [...new Set(parts.invoiceLines.map((line) => line.invoice_id))]
      const unchanged = await checkInvoiceHashes(tx, caller.accountId, invoiceIds)
      return {
        status: 200 as const,
        body: {
          object: 'order_proof' as const,
          ...renderChecks([...checks, ...unchanged]),
          workflow_id: transactionWorkflowId(transactionId),
          order: printOrder(deps, view),
          ...renderProofParts(parts, view.facts.currency),
        },
      }
    })
  },
})

export const orderProofRoutes: readonly Route[] = [reading]
