import { orderIdOf } from '../domain/id.ts'
import {
  CODE_LIST_STATUS_TABLE,
  codeState,
  deriveStatus,
  OPEN_UNIT_STATES,
} from '../domain/order-status.ts'
import type { UnitCounts } from '../domain/order-status.ts'
import type { UnitState } from '../domain/unit.ts'
import { printInstant } from './instant.ts'
import { renderTally } from './transaction.ts'

/** One unit and, when it has one, its code in the clear: this value goes to the client only. */
export type CodeListUnit = {
  unitId: string
  position: number
  productId: string
  variantId: string | null
  sku: string
  /** The unit whose code this one replaces: it was not ordered, so it does not count. */
  replacesUnitId: string | null
  state: UnitState
  reason: string | null
  code: OpenedCode | null
}

export type OpenedCode = {
  type: 'code' | 'code_pin' | 'url'
  code: string | null
  pin: string | null
  serial: string | null
  url: string | null
  expiresAt: Date | null
  activationAt: Date | null
  faceValue: string | null
  redeemInstructions: string | null
}

/** Every unit of a transaction in stable order, with the codes that are there. */
export function renderCodeList(transactionId: string, units: CodeListUnit[]) {
  const progress = {
    units: countUnits(units.filter(({ replacesUnitId }) => replacesUnitId === null)),
    paidUnits: 0,
  }
  return {
    object: 'code_list' as const,
    transaction_id: transactionId,
    order_id: orderIdOf(transactionId),
    status: deriveStatus(CODE_LIST_STATUS_TABLE, progress),
    ...renderTally(progress),
    codes: units.map(renderUnit),
  }
}

/** How many units are in which state. */
export function countUnits(units: { state: UnitState }[]): UnitCounts {
  const counts: UnitCounts = {}
  for (const { state } of units) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

function renderUnit(unit: CodeListUnit) {
  const { code } = unit
  return {
    unit_id: unit.unitId,
    position: unit.position,
    product_id: unit.productId,
    variant_id: unit.variantId,
    sku: unit.sku,
    replaces: unit.replacesUnitId,
    state: codeState(unit.state),
    reason: OPEN_UNIT_STATES.includes(unit.state) ? unit.state : unit.reason,
    type: code?.type ?? null,
    code: code?.code ?? null,
    pin: code?.pin ?? null,
    serial: code?.serial ?? null,
    url: code?.url ?? null,
    expires_at: code?.expiresAt ? printInstant(code.expiresAt) : null,
    activation_at: code?.activationAt ? printInstant(code.activationAt) : null,
    face_value: code?.faceValue ?? null,
    redeem_instructions: code?.redeemInstructions ?? null,
  }
}
