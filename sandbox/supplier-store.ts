import { openEntryFile } from './entry-file.ts'

/** One code that was sold. The ledger is the list of these: what the buyer has to pay. */
export type Sale = {
  reference: string
  sku: string
  code: string
  pin: string | null
  serial: string
  expires_at: string | null
  activation_at: string | null
  face_value: string | null
  redeem_instructions: string | null
  /** The asking account's business time of the order. */
  sold_at: string
}

/** What the supplier knows of one reference. */
export type Order = {
  reference: string
  sku: string
  placed_at: string
  /** Sold, and handed out from `ready_at` on; or refused for good. */
  state: 'sold' | 'none'
  ready_at: string | null
  /** Answers "processing" that are still to be given before it is handed out. */
  processing_left: number
  sales: Sale[]
}

/** A line of the file. A later `order` of a reference replaces the earlier one. */
export type Entry = { order: Order } | { cut: string }

export type SupplierStore = {
  order(reference: string): Order | undefined
  /** Business time of the first order for the unit, or undefined. */
  firstPlacedAt(unit: string): string | undefined
  wasCut(reference: string): boolean
  /** Codes of a SKU that were ever sold, in order. */
  soldOf(sku: string): readonly Sale[]
  ledger(): Sale[]
  /** Keeps entries for ever: they are on the disk when this returns. */
  append(entries: Entry[]): void
  close(): void
}

/** Opens the store, read into memory at the start. An empty path keeps everything in memory only. */
export function openStore(path: string, unitOf: (reference: string) => string): SupplierStore {
  const orders = new Map<string, Order>()
  const units = new Map<string, string>()
  const cuts = new Set<string>()
  const sold = new Map<string, Sale[]>()

  const remember = (entry: Entry): void => {
    if ('cut' in entry) {
      cuts.add(entry.cut)
      return
    }
    const { order } = entry
    if (!orders.has(order.reference)) {
      const unit = unitOf(order.reference)
      if (!units.has(unit)) units.set(unit, order.placed_at)
      const sales = sold.get(order.sku) ?? []
      sales.push(...order.sales)
      sold.set(order.sku, sales)
    }
    orders.set(order.reference, order)
  }

  const file = openEntryFile(path, isEntry, remember)
  return {
    order: (reference) => orders.get(reference),
    firstPlacedAt: (unit) => units.get(unit),
    wasCut: (reference) => cuts.has(reference),
    soldOf: (sku) => sold.get(sku) ?? [],
    ledger: () => [...orders.values()].flatMap((order) => order.sales),
    append(entries) {
      file.append(entries)
      file.flush()
      entries.forEach(remember)
    },
    close: () => file.close(),
  }
}

/** We wrote the file ourselves, whole lines at a time, so the kind of a line tells enough. */
function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && ('order' in value || 'cut' in value)
}
