import { DomainError } from './error.ts'

/** A unit of an invoice, the line that bills it, and what is left of its price without tax. */
export type CreditableUnit = { unit_id: string; position: number; left_minor: bigint }

/** What somebody wants to take back: named units, parts of lines, or (neither) all that is left. */
export type CreditWish = {
  units?: { unitId: string; netMinor?: bigint }[]
  lines?: { position: number; quantity?: number; netMinor?: bigint }[]
}

/**
 * Turns a wish into units and amounts. Of a line, whole pieces are taken in the order of delivery;
 * an amount is taken from one piece after the other.
 *
 * @throws DomainError `credit_exceeds_invoice` when less is left than is wanted
 */
export function selectCredits(
  left: CreditableUnit[],
  wish: CreditWish,
): { unitId: string; netMinor?: bigint }[] {
  if (wish.units !== undefined) return wish.units
  if (wish.lines === undefined) {
    if (left.length === 0) throw exceeds('reason', 'Everything was credited already')
    return left.map(({ unit_id }) => ({ unitId: unit_id }))
  }
  return wish.lines.flatMap((line, index) => {
    const members = left.filter(({ position }) => position === line.position)
    const field = `lines.${index}`
    if (line.netMinor !== undefined) return takeAmount(members, line.netMinor, field)
    const quantity = line.quantity ?? members.length
    if (quantity > members.length || members.length === 0) {
      throw exceeds(field, `${members.length} units of this line are left`)
    }
    return members.slice(0, quantity).map(({ unit_id }) => ({ unitId: unit_id }))
  })
}

function takeAmount(
  units: CreditableUnit[],
  amountMinor: bigint,
  field: string,
): { unitId: string; netMinor: bigint }[] {
  const taken: { unitId: string; netMinor: bigint }[] = []
  let wanted = amountMinor
  for (const { unit_id, left_minor } of units) {
    if (wanted === 0n) break
    const part = left_minor < wanted ? left_minor : wanted
    if (part > 0n) taken.push({ unitId: unit_id, netMinor: part })
    wanted -= part
  }
  if (wanted > 0n) {
    const all = units.reduce((sum, unit) => sum + unit.left_minor, 0n)
    throw exceeds(field, `${all} minor units of this line are left`)
  }
  return taken
}

function exceeds(field: string, message: string): DomainError {
  return new DomainError('credit_exceeds_invoice', 'More would be credited than was billed.', {
    fields: [{ field, message }],
  })
}
