import { randomBytes } from 'node:crypto'
import { TEST_BEHAVIOURS, type PspFault, type TestBehaviour } from '../domain/test-card.ts'
import { PspFailure } from './psp-failure.ts'
import { secondsOf, type PaymentMethod } from './psp-objects.ts'
import type { Entry, Job, Kinds, PspStore } from './psp-store.ts'

/** What a request works with: one connected account at one instant of its clock. */
export type Desk = {
  account: string
  nowMs: number
  /** Where the payer's pages are. */
  url: string
  find<Kind extends keyof Kinds>(kind: Kind, id: string): Kinds[Kind] | undefined
  /** Throws Stripe's 404. */
  get<Kind extends keyof Kinds>(kind: Kind, id: string): Kinds[Kind]
  list<Kind extends keyof Kinds>(kind: Kind): Kinds[Kind][]
  /** Keeps entries at once; whoever reads afterwards sees them. */
  save(...entries: Entry[]): void
  emit(type: string, object: object): void
  schedule(action: Job['action'], object: string, afterSeconds: number): void
  newId(prefix: string): string
}

const ID_BYTES = 12

/** `onEvent` hears of every event, in order. */
export function openDesk(
  store: PspStore,
  place: { account: string; nowMs: number; url: string },
  onEvent: (event: Kinds['event']) => void,
): Desk {
  const { account, nowMs } = place
  const newId = (prefix: string) => `${prefix}_${randomBytes(ID_BYTES).toString('hex')}`
  const find: Desk['find'] = (kind, id) => store.find(kind, account, id)
  return {
    ...place,
    find,
    get(kind, id) {
      const object = find(kind, id)
      if (object === undefined) throw PspFailure.missing(kind, id)
      return object
    },
    list: (kind) => store.list(kind, account),
    save: (...entries) => store.append(entries),
    emit(type, object) {
      const event = { id: newId('evt'), account, created: secondsOf(nowMs), type, object }
      store.append([{ kind: 'event', object: event }])
      onEvent(event)
    },
    schedule(action, object, afterSeconds) {
      const dueMs = nowMs + afterSeconds * 1000
      store.append([{ job: { id: newId('job'), account, dueMs, action, object } }])
    },
    newId,
  }
}

/** What the sandbox does with a method. */
export function behaviourOf(method: PaymentMethod | undefined): TestBehaviour {
  return method === undefined ? {} : (TEST_BEHAVIOURS[method.behaves] ?? {})
}

/** The fault that a payment's method plants into one operation, or undefined. */
export function faultOf(
  method: PaymentMethod | undefined,
  operation: 'authorize' | 'capture' | 'refund',
): PspFault | undefined {
  return behaviourOf(method).faults?.[operation]
}
