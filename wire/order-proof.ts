import type { OrderCheck } from '../db/order-proofs.ts'
import type { ProofParts } from '../db/order-proof-parts.ts'
import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'

/** The sums of an order that must match, side by side, and whether all of them do. */
export function renderChecks(checks: OrderCheck[]) {
  const printed = checks.map((check) => ({
    name: check.name,
    says: check.says,
    subject: check.subject,
    measure: check.measure,
    expected: Number(check.expected),
    actual: Number(check.actual),
    holds: check.expected === check.actual,
  }))
  return { holds: printed.every(({ holds }) => holds), checks: printed }
}

/** What those sums are made of. Of a code there are its last characters at most. */
export function renderProofParts(parts: ProofParts, currency: string) {
  const money = (minor: bigint) => minorToNumber(minor, currency)
  return {
    units: parts.units.map((unit) => ({
      id: unit.id,
      position: unit.position,
      line_id: unit.line_id,
      sku: unit.sku,
      price: money(unit.price_minor),
      price_minor: Number(unit.price_minor),
      credited_minor: Number(unit.credited_minor),
      state: unit.state,
      reason: unit.reason,
      allocated_at: unit.allocated_at === null ? null : printInstant(unit.allocated_at),
      replaces_unit_id: unit.replaces_unit_id,
      invoice_id: unit.invoice_id,
      code: unit.code_id === null ? null : { id: unit.code_id, masked: `****${unit.last4 ?? ''}` },
    })),
    ledger: parts.journals.map((journal) => ({
      id: journal.id,
      kind: journal.kind,
      source_id: journal.source_id,
      occurred_at: printInstant(journal.occurred_at),
      entries: journal.entries.map(({ account, amount_minor }) => ({
        account,
        amount_minor: Number(amount_minor),
      })),
    })),
    invoice_lines: parts.invoiceLines.map((line) => ({
      invoice_id: line.invoice_id,
      invoice_number: line.invoice_number,
      invoice_status: line.state,
      position: line.position,
      sku: line.sku,
      unit_price_minor: Number(line.unit_price_minor),
      quantity: line.quantity,
      net_minor: Number(line.net_minor),
      units_of_order: Number(line.units),
    })),
    credit_notes: parts.creditNotes.map((note) => ({
      id: note.id,
      number: note.number,
      status: note.state,
      invoice_id: note.invoice_id,
      net_minor: Number(note.net_minor),
    })),
    payments: parts.payments.map((payment) => ({
      kind: payment.kind,
      id: payment.id,
      status: payment.status,
      for_id: payment.for_id,
      amount: money(payment.amount_minor),
      amount_minor: Number(payment.amount_minor),
    })),
    deliveries: parts.deliveries.map((delivery) => ({
      id: delivery.id,
      event_id: delivery.event_id,
      event_type: delivery.event_type,
      webhook_id: delivery.webhook_id,
      status: delivery.state,
      attempts: delivery.attempts,
      ended_at: delivery.ended_at === null ? null : printInstant(delivery.ended_at),
    })),
  }
}
