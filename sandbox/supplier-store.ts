import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs'

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

/**
 * Opens the store: an append-only file of JSON lines, read into memory at the start. An empty path
 * keeps everything in memory only. A last line that a kill cut short was never answered: it goes.
 */
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

  if (path !== '') readEntries(path).forEach(remember)
  const file = path === '' ? null : openSync(path, 'a', 0o600)
  return {
    order: (reference) => orders.get(reference),
    firstPlacedAt: (unit) => units.get(unit),
    wasCut: (reference) => cuts.has(reference),
    soldOf: (sku) => sold.get(sku) ?? [],
    ledger: () => [...orders.values()].flatMap((order) => order.sales),
    append(entries) {
      if (entries.length === 0) return
      if (file !== null) {
        writeWhole(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
        fsyncSync(file)
      }
      entries.forEach(remember)
    },
    close() {
      if (file !== null) closeSync(file)
    },
  }
}

function readEntries(path: string): Entry[] {
  if (!existsSync(path)) return []
  const bytes = readFileSync(path)
  const end = bytes.lastIndexOf('\n') + 1
  if (end < bytes.length) truncateSync(path, end)
  const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1)
  return lines.map((line, index) => {
    const entry: unknown = JSON.parse(line)
    if (!isEntry(entry))
      throw new Error(`${path}:${index + 1} is not a line of the supplier's store`)
    return entry
  })
}

/** We wrote the file ourselves, whole lines at a time, so the kind of a line tells enough. */
function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && ('order' in value || 'cut' in value)
}

function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written, bytes.length - written)
  }
}
