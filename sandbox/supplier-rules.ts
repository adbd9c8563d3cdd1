/**
 * What the sandbox supplier does, by magic SKU. `docs/suppliers.md` tells the same to integrators.
 * Delays are measured on the business clock of the asking account, which each request brings.
 */

/** What is decided about a reference when it is ordered. */
export type Decision =
  /** Sold: the code exists now and is handed out from `delaySeconds` after the order. */
  | {
      sell: true
      delaySeconds: number
      processingAnswers: number
      surplus: boolean
      repeat: boolean
    }
  /** Refused for good. */
  | { sell: false }

/** Where the connection is cut, for an integrator to see what an unanswered order does. */
export type Cut = 'after_selling' | 'before_selling' | null

/** Seconds after which the rest of TEST-PARTIAL and all of TEST-DELAYED arrive. */
export const DELAY_SECONDS = 10
/** Seconds for which TEST-LATE-STOCK has nothing, from the first order for a unit on. */
export const LATE_STOCK_SECONDS = 60
/** How often TEST-PROCESSING says "processing", the order's own answer included; how far apart. */
export const PROCESSING_ANSWERS = 5
export const PROCESSING_RETRY_SECONDS = 5

/** Whether the first order of a reference loses its reply. */
export function cutOf(sku: string): Cut {
  if (sku === 'TEST-TIMEOUT-THEN-OK') return 'after_selling'
  return sku === 'TEST-TIMEOUT-THEN-NONE' ? 'before_selling' : null
}

/**
 * Decides one item. `nth` of `count` items of this SKU in one request, both from 1; `soldBefore`
 * is how many codes of the SKU were ever sold; `waitedSeconds` is the time since the unit was first
 * ordered.
 */
export function decide(item: {
  sku: string
  nth: number
  count: number
  soldBefore: number
  waitedSeconds: number
}): Decision {
  const sold = { sell: true, delaySeconds: 0, processingAnswers: 0, surplus: false, repeat: false }
  switch (item.sku) {
    case 'TEST-INSTANT':
    case 'TEST-TIMEOUT-THEN-OK':
      return { ...sold, sell: true }
    case 'TEST-PARTIAL':
      return {
        ...sold,
        sell: true,
        delaySeconds: item.nth <= Math.ceil(item.count / 2) ? 0 : DELAY_SECONDS,
      }
    case 'TEST-DELAYED':
      return { ...sold, sell: true, delaySeconds: DELAY_SECONDS }
    case 'TEST-LATE-STOCK':
      return item.waitedSeconds >= LATE_STOCK_SECONDS ? { ...sold, sell: true } : { sell: false }
    case 'TEST-PROCESSING':
      return { ...sold, sell: true, processingAnswers: PROCESSING_ANSWERS - 1 }
    case 'TEST-SURPLUS':
      return { ...sold, sell: true, surplus: true }
    case 'TEST-DUPLICATE':
      return { ...sold, sell: true, repeat: item.soldBefore % 2 === 1 }
    default:
      return { sell: false }
  }
}

/** Whether an SKU is one of the magic ones. */
export function sells(sku: string): boolean {
  return (
    cutOf(sku) !== null ||
    ['TEST-OUT-OF-STOCK', 'TEST-LATE-STOCK'].includes(sku) ||
    decide({ sku, nth: 1, count: 1, soldBefore: 0, waitedSeconds: LATE_STOCK_SECONDS }).sell
  )
}

/** What becomes of a claim for a code of an SKU. */
export function decideClaim(sku: string): 'replaced' | 'refunded' | 'rejected' | 'unsupported' {
  switch (sku) {
    case 'TEST-INSTANT':
      return 'replaced'
    case 'TEST-PARTIAL':
      return 'refunded'
    case 'TEST-DELAYED':
      return 'rejected'
    default:
      return 'unsupported'
  }
}

/**
 * References that differ only behind their last hyphen are tries for the same unit: a client that
 * is told "none" must ask under a new reference, and its wait counts from the first one.
 */
export function unitOf(reference: string): string {
  const hyphen = reference.lastIndexOf('-')
  return hyphen > 0 ? reference.slice(0, hyphen) : reference
}
