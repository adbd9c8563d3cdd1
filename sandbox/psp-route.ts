import type { PspFault } from '../domain/test-card.ts'
import type { Desk } from './psp-desk.ts'
import type { Params } from './psp-form.ts'

/** One endpoint of the API: `known` are its parameters, everything else is refused. */
export type PspRoute = {
  method: 'GET' | 'POST'
  /** `:id` is the only variable. */
  path: string
  known: readonly string[]
  run(desk: Desk, params: Params, id: string): object
  /** Which fault the payment's method plants here, by the name of the one thing it happens to. */
  fault?(desk: Desk, params: Params, id: string): { name: string; fault: PspFault } | null
  /** The name under which tests plant faults into it. */
  operation?: string
}
