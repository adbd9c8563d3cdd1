import { randomBytes } from 'node:crypto'
import { formatId, type IdKind } from './domain/id.ts'

/** A new id, for API and activities; never in a workflow, whose replay must see the same one. */
export function newId(kind: IdKind): string {
  return formatId(kind, Date.now(), randomBytes(7).toString('hex'))
}
