import { EVIDENCE_CHARACTERS_MAX, EVIDENCE_KINDS, type EvidenceTexts } from './dispute.ts'
import { formatDecimal } from './money.ts'

/** What our own rows know of a disputed payment's order. Instants are RFC 3339 text. */
export type EvidenceFacts = {
  payment: {
    id: string
    captured_minor: number
    currency: string
    method: string
    card: { brand: string; last4: string } | null
    created_at: string
  }
  order: {
    id: string
    accepted_at: string
    currency: string
    total_minor: number
    billing_address: object | null
    lines: { sku: string; name: string; quantity: number; total_minor: number }[]
  }
  customer: { id: string; name: string; email: string }
  /** Units that were delivered, per line and instant. */
  delivered: { sku: string; quantity: number; at: string }[]
  /** Who fetched the codes, when and from where. */
  fetched: { at: string; address: string; codes: number }[]
  /** What was told to the customer's systems and by mail, with how it ended. */
  messages: { at: string; what: string; to: string; state: string }[]
}

/**
 * The evidence that an order is by itself: what was bought and paid, that it was delivered and
 * fetched, and what the customer was told. A kind that there is nothing to say of is left out.
 */
export function assembleEvidence(facts: EvidenceFacts): EvidenceTexts {
  const texts: Record<(typeof EVIDENCE_KINDS)[number], string[]> = {
    transaction_details: printTransaction(facts),
    shipping_proof: [
      ...facts.delivered.map(({ sku, quantity, at }) => `${at} delivered ${quantity} × ${sku}`),
      ...facts.fetched.map(
        ({ at, address, codes }) => `${at} ${codes} codes fetched by ${address}`,
      ),
    ],
    communication_logs: facts.messages.map(
      ({ at, what, to, state }) => `${at} ${what} to ${to}: ${state}`,
    ),
  }
  return Object.fromEntries(
    EVIDENCE_KINDS.flatMap((kind) =>
      texts[kind].length === 0 ? [] : [[kind, joinLines(texts[kind])]],
    ),
  )
}

function printTransaction({ payment, order, customer }: EvidenceFacts): string[] {
  const amount = (minor: number, currency: string) =>
    `${formatDecimal(BigInt(minor), currency)} ${currency}`
  const card = payment.card === null ? '' : ` (${payment.card.brand} ending ${payment.card.last4})`
  return [
    `Order ${order.id}, placed ${order.accepted_at} by ${customer.name} <${customer.email}>, ${customer.id}`,
    ...order.lines.map(
      (line) =>
        `${line.quantity} × ${line.name} (${line.sku}): ${amount(line.total_minor, order.currency)}`,
    ),
    `Total ${amount(order.total_minor, order.currency)}`,
    `Payment ${payment.id} of ${amount(payment.captured_minor, payment.currency)} by ${payment.method}${card}, ${payment.created_at}`,
    ...(order.billing_address === null
      ? []
      : [`Billed to ${Object.values(order.billing_address).map(String).join(', ')}`]),
  ]
}

/** Whole lines only, and how many there was no room for. */
function joinLines(lines: string[]): string {
  let text = ''
  for (const [index, line] of lines.entries()) {
    const rest = `… and ${lines.length - index} more`
    if (text.length + line.length + rest.length + 2 > EVIDENCE_CHARACTERS_MAX) return text + rest
    text += `${line}\n`
  }
  return text.trimEnd()
}
