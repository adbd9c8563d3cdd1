import type { UnitState } from './unit.ts'

/** What one supplier was asked for a transaction, and what came of it; counts are units. */
export type SupplierProgress = {
  name: string
  asked: number
  delivered: number
  /** It has the order and has not delivered. */
  processing: number
  /** It may have the order. */
  unknown: number
  /** Of those unknown: no longer asked by itself, a person must find out. */
  stuck: number
  /** It sold none of them so far and is asked for them again. */
  notSold: number
  /** Its last answer in a few words; never a body. */
  lastAnswer: string | null
  /** RFC 3339: when it was first asked for the oldest of what it still owes or may still sell. */
  waitingSince: string | null
  /** RFC 3339: when it is asked about one of them, or for one of them, next. */
  nextAt: string | null
  /** Why its circuit breaker is open, and until when nobody asks it; null while it answers. */
  notAsked: string | null
  notBefore: string | null
}

export type SourcingState = {
  units: Partial<Record<UnitState, number>>
  suppliers: SupplierProgress[]
  /** Units that nobody has and that an active supplier sells. */
  sellable: number
  /** RFC 3339. */
  deadlineAt: string
}

/** Why a transaction waits for its codes, in one line and in some; for operators. */
export function describeSourcing(state: SourcingState): { reason: string; detail: string[] } {
  const count = (...states: UnitState[]): number =>
    states.reduce((sum, one) => sum + (state.units[one] ?? 0), 0)
  const delivered = count('allocated', 'reversed')
  const unbought = count('queued', 'backordered')
  const total = delivered + unbought + count('sourcing', 'unknown', 'failed', 'cancelled')
  const unsold = unbought - state.sellable

  const waits = state.suppliers.flatMap((supplier) => waitsOf(supplier))
  if (state.sellable > 0) waits.push(`${state.sellable} asked for again later`)
  if (unsold > 0) waits.push(`${unsold} sold by no supplier, waiting for an import`)
  return {
    reason: `${delivered} of ${total} codes: ${waits.join(', ')}`,
    detail: [
      ...state.suppliers.map(printSupplier),
      ...(unsold > 0
        ? [`Own pool: ${unsold} wait for an import, no active supplier sells them`]
        : []),
      ...(unbought > 0 ? [`Units without a code at ${state.deadlineAt} end as failed`] : []),
    ],
  }
}

function waitsOf({ name, processing, unknown, stuck }: SupplierProgress): string[] {
  return [
    ...(processing > 0 ? [`${processing} processing at ${name}`] : []),
    ...(unknown > stuck ? [`${unknown - stuck} in doubt at ${name}`] : []),
    ...(stuck > 0 ? [`${stuck} in doubt at ${name} for a day, a person must find out`] : []),
  ]
}

function printSupplier(supplier: SupplierProgress): string {
  const { name, asked, delivered, processing, unknown, notSold } = supplier
  const { lastAnswer, waitingSince, nextAt, notAsked, notBefore } = supplier
  return [
    `${name}: asked for ${asked}, delivered ${delivered}, processing ${processing}, in doubt ${unknown}` +
      (notSold === 0 ? '' : `, not sold ${notSold}`),
    ...(waitingSince === null ? [] : [`waiting since ${waitingSince}`]),
    ...(nextAt === null ? [] : [`asked next at ${nextAt}`]),
    ...(notBefore === null
      ? []
      : [`does not answer (${notAsked}) and is left alone until ${notBefore}`]),
    ...(lastAnswer === null ? [] : [`last answer: ${lastAnswer}`]),
  ].join('; ')
}
