/**
 * The rules of the double-entry ledger. What a journal moves is a table; SQL holds the same one
 * (`ledger_account_kinds`, `posting_rules`) and a test compares. Amounts are minor units of one
 * currency; a debit is positive, a credit negative.
 */

export type LedgerClass = 'asset' | 'liability' | 'revenue' | 'expense' | 'memo'

/** Every kind of ledger account. Memo accounts hold promises beside the books. */
export const LEDGER_ACCOUNTS = {
  /** Ordered on credit, neither billed nor given up. */
  held: 'memo',
  held_offset: 'memo',
  /** Reserved by the payment provider, not captured. */
  authorised: 'memo',
  authorised_offset: 'memo',
  /** Delivered and not billed, without tax. */
  unbilled: 'asset',
  /** Billed and not paid. */
  receivable: 'asset',
  /** Received in the bank. */
  cash: 'asset',
  /** What the payment provider owes us. */
  psp_clearing: 'asset',
  /** Taken back by the payment provider until a dispute is decided. */
  disputed: 'asset',
  /** Captured before it was billed. */
  prepayments: 'liability',
  /** Billed and not delivered, without tax. */
  deferred_revenue: 'liability',
  /** Money of a customer that pays no invoice yet. */
  unallocated_cash: 'liability',
  /** Tax on invoices, owed to the state. */
  tax_payable: 'liability',
  /** Delivered, without tax. */
  revenue: 'revenue',
  /** Fees of the payment provider. */
  psp_fees: 'expense',
  /** Lost disputes. */
  dispute_losses: 'expense',
} as const satisfies Readonly<Record<string, LedgerClass>>

export type LedgerAccountKind = keyof typeof LEDGER_ACCOUNTS

type Rule = { debit: LedgerAccountKind; credit: LedgerAccountKind }

/**
 * Which account each measure of a journal debits and which it credits. A row moves one amount from
 * one account to another, so a journal is balanced whatever its amounts are.
 */
export const POSTING_RULES = {
  order_accepted: { amount: { debit: 'held', credit: 'held_offset' } },
  units_given_up: { amount: { debit: 'held_offset', credit: 'held' } },
  units_allocated: {
    amount: { debit: 'unbilled', credit: 'revenue' },
    /** Those that were billed on acceptance. */
    billed: { debit: 'deferred_revenue', credit: 'revenue' },
  },
  /** Only units that no invoice has billed; a billed one is taken back by a credit note. */
  units_reversed: {
    amount: { debit: 'revenue', credit: 'unbilled' },
    held: { debit: 'held_offset', credit: 'held' },
  },
  invoice_issued: {
    net: { debit: 'receivable', credit: 'unbilled' },
    undelivered: { debit: 'receivable', credit: 'deferred_revenue' },
    tax: { debit: 'receivable', credit: 'tax_payable' },
    held: { debit: 'held_offset', credit: 'held' },
  },
  prepayment_applied: { amount: { debit: 'prepayments', credit: 'receivable' } },
  credit_note_issued: {
    net: { debit: 'revenue', credit: 'receivable' },
    undelivered: { debit: 'deferred_revenue', credit: 'receivable' },
    tax: { debit: 'tax_payable', credit: 'receivable' },
    /** What is credited beyond what is still owed on the invoice becomes the customer's money. */
    excess: { debit: 'receivable', credit: 'unallocated_cash' },
  },
  payment_received: {
    allocated: { debit: 'cash', credit: 'receivable' },
    unallocated: { debit: 'cash', credit: 'unallocated_cash' },
  },
  payment_reversed: {
    /** What its invoice owes again. */
    reopened: { debit: 'receivable', credit: 'cash' },
    unallocated: { debit: 'unallocated_cash', credit: 'cash' },
  },
  cash_allocated: { amount: { debit: 'unallocated_cash', credit: 'receivable' } },
  /** Cash that had come from a payment that went back: its invoice owes it again. */
  allocation_reversed: { amount: { debit: 'receivable', credit: 'unallocated_cash' } },
  payment_authorised: { amount: { debit: 'authorised', credit: 'authorised_offset' } },
  authorisation_released: { amount: { debit: 'authorised_offset', credit: 'authorised' } },
  payment_captured: {
    amount: { debit: 'psp_clearing', credit: 'prepayments' },
    authorised: { debit: 'authorised_offset', credit: 'authorised' },
  },
  psp_fee_charged: { amount: { debit: 'psp_fees', credit: 'psp_clearing' } },
  psp_paid_out: { amount: { debit: 'cash', credit: 'psp_clearing' } },
  refund_succeeded: {
    prepaid: { debit: 'prepayments', credit: 'psp_clearing' },
    credited: { debit: 'unallocated_cash', credit: 'psp_clearing' },
  },
  /** What a refund's credit note left to the customer had been prepaid, and has gone back. */
  credit_note_refunded: { amount: { debit: 'unallocated_cash', credit: 'prepayments' } },
  refund_returned: { amount: { debit: 'psp_clearing', credit: 'prepayments' } },
  dispute_opened: {
    amount: { debit: 'disputed', credit: 'psp_clearing' },
    fee: { debit: 'psp_fees', credit: 'psp_clearing' },
  },
  dispute_won: {
    amount: { debit: 'psp_clearing', credit: 'disputed' },
    fee: { debit: 'psp_clearing', credit: 'psp_fees' },
  },
  dispute_lost: { amount: { debit: 'dispute_losses', credit: 'disputed' } },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Rule>>>>

export type JournalKind = keyof typeof POSTING_RULES

/** What a journal moves, by the measures of its kind; one that is left out is zero. */
export type Posting = {
  [Kind in JournalKind]: {
    kind: Kind
    amounts: { [Measure in keyof (typeof POSTING_RULES)[Kind]]?: bigint }
  }
}[JournalKind]

export type LedgerEntry = { account: LedgerAccountKind; amountMinor: bigint }

/**
 * The entries of a posting, one per account, none of them zero; they add up to zero.
 *
 * @throws RangeError when an amount is negative or its measure is unknown: the caller's mistake
 */
export function entriesOf({ kind, amounts }: Posting): LedgerEntry[] {
  const rules = new Map<string, Rule>(Object.entries(POSTING_RULES[kind]))
  const moved = new Map<LedgerAccountKind, bigint>()
  const move = (account: LedgerAccountKind, minor: bigint) =>
    moved.set(account, (moved.get(account) ?? 0n) + minor)
  for (const [measure, minor] of Object.entries<bigint | undefined>(amounts)) {
    const rule = rules.get(measure)
    if (rule === undefined) throw new RangeError(`No rule posts ${measure} of ${kind}`)
    if (minor === undefined) continue
    if (minor < 0n) throw new RangeError(`${kind}: ${measure} is negative`)
    move(rule.debit, minor)
    move(rule.credit, -minor)
  }
  return [...moved]
    .filter(([, amountMinor]) => amountMinor !== 0n)
    .map(([account, amountMinor]) => ({ account, amountMinor }))
}

/** Issuing an invoice: what it bills is owed, with its tax; what was held for it is not. */
export function invoiceIssued(invoice: {
  /** Of delivered units. */
  netMinor: bigint
  /** Of units that are still to be delivered. */
  undeliveredMinor: bigint
  taxMinor: bigint
  /** The price of those billed units that were ordered on credit. */
  heldMinor: bigint
}): Posting {
  const { netMinor, undeliveredMinor, taxMinor, heldMinor } = invoice
  return {
    kind: 'invoice_issued',
    amounts: { net: netMinor, undelivered: undeliveredMinor, tax: taxMinor, held: heldMinor },
  }
}

/** Money for an invoice: what is still owed takes it first, the rest stays the customer's. */
export function paymentReceived(payment: { amountMinor: bigint; owedMinor: bigint }): {
  kind: 'payment_received'
  amounts: { allocated: bigint; unallocated: bigint }
} {
  const allocated = least(payment.amountMinor, payment.owedMinor)
  return {
    kind: 'payment_received',
    amounts: { allocated, unallocated: payment.amountMinor - allocated },
  }
}

/**
 * Money that went back: the invoice owes it again, apart from what credit notes have given back of it
 * since (`excessMinor`) and what was too much. Those two are the customer's cash, and come out of it.
 */
export function paymentReversed(payment: {
  amountMinor: bigint
  /** What it paid of its invoice. */
  allocatedMinor: bigint
  excessMinor: bigint
}): { kind: 'payment_reversed'; amounts: { reopened: bigint; unallocated: bigint } } {
  const { amountMinor, allocatedMinor, excessMinor } = payment
  const reopened = allocatedMinor - least(allocatedMinor, excessMinor)
  return { kind: 'payment_reversed', amounts: { reopened, unallocated: amountMinor - reopened } }
}

/** Crediting an invoice: it takes from what is still owed first, the rest becomes the customer's. */
export function creditNoteIssued(note: {
  /** Of delivered units. */
  netMinor: bigint
  /** Of units that were billed and never delivered. */
  undeliveredMinor: bigint
  taxMinor: bigint
  owedMinor: bigint
}): {
  kind: 'credit_note_issued'
  amounts: { net: bigint; undelivered: bigint; tax: bigint; excess: bigint }
} {
  const total = note.netMinor + note.undeliveredMinor + note.taxMinor
  return {
    kind: 'credit_note_issued',
    amounts: {
      net: note.netMinor,
      undelivered: note.undeliveredMinor,
      tax: note.taxMinor,
      excess: total - least(total, note.owedMinor),
    },
  }
}

/** The smaller of two amounts. */
export function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right
}
