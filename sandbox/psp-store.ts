import { openEntryFile } from './entry-file.ts'
import type {
  BalanceTransaction,
  Charge,
  Dispute,
  EvidenceFile,
  Intent,
  PaymentMethod,
  Payout,
  PspEvent,
  Refund,
} from './psp-objects.ts'

/** Everything the PSP keeps, by kind. Each object belongs to one connected account. */
export type Kinds = {
  payment_method: PaymentMethod
  payment_intent: Intent
  charge: Charge
  refund: Refund
  dispute: Dispute
  file: EvidenceFile
  payout: Payout
  balance_transaction: BalanceTransaction
  event: PspEvent
}

/** What a dispute does by itself: it takes the money, and it ends. */
export type DisputeJob = 'dispute' | 'dispute_due' | 'dispute_decided'

/** Something that happens by itself at an instant of the account's clock. */
export type Job = {
  id: string
  account: string
  dueMs: number
  action: 'settle' | 'fail' | 'expire' | 'settle_refund' | 'fail_refund' | DisputeJob
  object: string
}

/** The stored answer of a key: the first one, whatever it was. */
export type KeptAnswer = {
  account: string
  key: string
  hash: string
  status: number
  body: string
  atMs: number
}

/** A line of the file. A later line about the same thing replaces the earlier one. */
export type Entry =
  | { [Kind in keyof Kinds]: { kind: Kind; object: Kinds[Kind] } }[keyof Kinds]
  | { job: Job }
  | { done: string }
  | { kept: KeptAnswer }
  | { clock: string; aheadMs: number }
  | { fault: string }
  | { endpoint: { id: string; url: string } }

export type PspStore = {
  find<Kind extends keyof Kinds>(kind: Kind, account: string, id: string): Kinds[Kind] | undefined
  /** Of one account, in the order in which they were made. */
  list<Kind extends keyof Kinds>(kind: Kind, account: string): Kinds[Kind][]
  accounts(): string[]
  jobs(): Job[]
  kept(account: string, key: string): KeptAnswer | undefined
  /** How far the account's clock is ahead of the machine's. */
  aheadMs(account: string): number
  /** Whether a fault that happens once has happened. */
  hadFault(name: string): boolean
  endpoints(): { id: string; url: string }[]
  /** Keeps entries: everybody sees them at once, and the disk has them after `flush`. */
  append(entries: Entry[]): void
  /** Writes what was appended since, all of it or, after a kill, nothing that was answered. */
  flush(): void
  close(): void
}

type Shelf<Thing> = Map<string, Map<string, Thing>>
type Shelves = { [Kind in keyof Kinds]: Shelf<Kinds[Kind]> }

/** Opens the store, read into memory at the start. An empty path keeps everything in memory only. */
export function openPspStore(path: string): PspStore {
  const shelves: Shelves = {
    payment_method: new Map(),
    payment_intent: new Map(),
    charge: new Map(),
    refund: new Map(),
    dispute: new Map(),
    file: new Map(),
    payout: new Map(),
    balance_transaction: new Map(),
    event: new Map(),
  }
  const jobs = new Map<string, Job>()
  const answers = new Map<string, KeptAnswer>()
  const clocks = new Map<string, number>()
  const faults = new Set<string>()
  const endpoints = new Map<string, { id: string; url: string }>()

  const remember = (entry: Entry): void => {
    if ('kind' in entry) shelve(shelves, entry)
    else if ('job' in entry) jobs.set(entry.job.id, entry.job)
    else if ('done' in entry) jobs.delete(entry.done)
    else if ('kept' in entry) answers.set(`${entry.kept.account} ${entry.kept.key}`, entry.kept)
    else if ('clock' in entry) clocks.set(entry.clock, entry.aheadMs)
    else if ('fault' in entry) faults.add(entry.fault)
    else endpoints.set(entry.endpoint.url, entry.endpoint)
  }

  const file = openEntryFile(path, isEntry, remember)
  return {
    find: (kind, account, id) => shelves[kind].get(account)?.get(id),
    list: (kind, account) => [...(shelves[kind].get(account)?.values() ?? [])],
    accounts: () => [...new Set(Object.values(shelves).flatMap((shelf) => [...shelf.keys()]))],
    jobs: () => [...jobs.values()],
    kept: (account, key) => answers.get(`${account} ${key}`),
    aheadMs: (account) => clocks.get(account) ?? 0,
    hadFault: (name) => faults.has(name),
    endpoints: () => [...endpoints.values()],
    append(entries) {
      file.append(entries)
      entries.forEach(remember)
    },
    flush: () => file.flush(),
    close: () => file.close(),
  }
}

function shelve<Kind extends keyof Kinds>(
  shelves: Shelves,
  { kind, object }: { kind: Kind; object: Kinds[Kind] },
): void {
  const shelf = shelves[kind]
  const own = shelf.get(object.account) ?? new Map<string, Kinds[Kind]>()
  own.set(object.id, object)
  shelf.set(object.account, own)
}

/** We wrote the file ourselves, whole lines at a time, so that it is an object tells enough. */
function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null
}
