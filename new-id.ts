import { randomFillSync } from 'node:crypto'
import { formatId, type IdKind } from './domain/id.ts'

const CHANCE_BYTES = 7
// Asking the system for chance costs ten times what it gives at a time.
const store = Buffer.alloc(CHANCE_BYTES * 512)
let used = store.length

/** A new id, for API and activities; never in a workflow, whose replay must see the same one. */
export function newId(kind: IdKind): string {
  if (used === store.length) {
    randomFillSync(store)
    used = 0
  }
  const chance = store.toString('hex', used, used + CHANCE_BYTES)
  used += CHANCE_BYTES
  return formatId(kind, Date.now(), chance)
}
