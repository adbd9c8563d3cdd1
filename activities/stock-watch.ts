import { inTransaction, type Database } from '../db/client.ts'
import { listStockOfTransactions, lookAtStock } from '../db/stock-levels.ts'
import type { Log } from '../log.ts'
import { renderInventory } from '../wire/inventory.ts'

/**
 * Looks at the stock of what was just given out, after the commit and beside the orders. A process
 * that dies leaves a look out; the sweep takes it.
 */
export type StockWatch = {
  /** Codes of the own pool went to this transaction. */
  took(transactionId: string): void
  /** Takes the looks that are still to be taken. */
  close(): Promise<void>
}

const FIRST_LOOK_MS = 200
const LOOKS_APART_MS = 5_000 // a look counts the pool: a burst of orders costs it twelve times a minute

export function createStockWatch({ database, log }: { database: Database; log: Log }): StockWatch {
  const transactionIds = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  let looking: Promise<void> = Promise.resolve()
  let lookedAtMs = -Infinity

  async function look(): Promise<void> {
    timer = null
    lookedAtMs = performance.now()
    const taken = [...transactionIds]
    transactionIds.clear()
    try {
      for (const product of await listStockOfTransactions(database.db, taken)) {
        await inTransaction(database.db, (tx) => lookAtStock(tx, product, renderInventory))
      }
    } catch (error) {
      log.warn({ error }, 'stock not looked at; the sweep will')
    }
  }

  return {
    took(transactionId) {
      transactionIds.add(transactionId)
      if (timer !== null) return
      const waitMs = Math.max(FIRST_LOOK_MS, lookedAtMs + LOOKS_APART_MS - performance.now())
      timer = setTimeout(() => {
        looking = looking.then(look)
      }, waitMs)
    },
    async close() {
      if (timer !== null) {
        clearTimeout(timer)
        looking = looking.then(look)
      }
      await looking
    },
  }
}
