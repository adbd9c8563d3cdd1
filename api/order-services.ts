import {
  insertCodeReveals,
  readCodeLists,
  type CodeListQuestion,
  type CodeListRows,
  type CodeReveal,
} from '../db/codes.ts'
import { acceptOrder, acceptOrders } from '../db/order-acceptance.ts'
import { createAcceptance, type Acceptance } from './acceptance.ts'
import { createCodeWatch, type CodeWatch } from './code-watch.ts'
import type { ApiParts } from './parts.ts'
import { createGatherer } from './gather.ts'
import { createOrderBatches } from './order-batches.ts'
import { createOutboxGate, type OutboxGate } from './outbox-gate.ts'

/** What the order routes keep for as long as the app lives. */
export type OrderServices = {
  acceptance: Acceptance
  outbox: OutboxGate
  codes: CodeWatch
  /** Null where the owner has no such transaction. */
  readCodeList(question: CodeListQuestion): Promise<CodeListRows | null>
  /** Resolves once the audit row is durable. */
  insertReveal(reveal: CodeReveal): Promise<void>
  close(): void
}

/** Starts one poller, which `close` stops. */
export function createOrderServices(parts: ApiParts): OrderServices {
  const { pool } = parts.database
  const outbox = createOutboxGate(parts)
  const codes = createCodeWatch(parts)
  const accept = createOrderBatches({
    one: (request) => acceptOrder(pool, request),
    many: (requests) => acceptOrders(pool, requests),
  })
  return {
    acceptance: createAcceptance(accept),
    outbox,
    codes,
    readCodeList: createGatherer((questions) => readCodeLists(pool, questions)),
    insertReveal: createGatherer(async (reveals) => {
      await insertCodeReveals(pool, reveals)
      return reveals.map(() => undefined)
    }),
    close() {
      outbox.close()
      codes.close()
    },
  }
}
