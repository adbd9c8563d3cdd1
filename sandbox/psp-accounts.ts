import type { PspFault } from '../domain/test-card.ts'
import { runRefundJob } from './psp-charges.ts'
import { behaviourOf, openDesk, type Desk } from './psp-desk.ts'
import { runDisputeJob } from './psp-disputes.ts'
import type { Hooks } from './psp-hooks.ts'
import { currentMethod, runIntentJob } from './psp-intents.ts'
import type { PspEvent } from './psp-objects.ts'
import type { Job, PspStore } from './psp-store.ts'

/** The connected accounts, each on a clock of its own. */

export type Shop = {
  store: PspStore
  hooks: Hooks
  url: () => string
  inFlight: Set<string>
  /** Faults that tests planted, by account and operation; each happens once. */
  planted: Map<string, PspFault[]>
}

/** The account's desk at the time that the request brings; its clock never goes back. */
export function deskFor(shop: Shop, account: string, header: string | undefined): Desk {
  const told = header === undefined ? Number.NaN : Date.parse(header)
  const aheadMs = told - Date.now()
  if (aheadMs > shop.store.aheadMs(account) + 1_000) {
    shop.store.append([{ clock: account, aheadMs }])
  }
  return openAccount(shop, account)
}

/** Opens an account's desk, after what was due on its clock has happened. */
export function openAccount(shop: Shop, account: string): Desk {
  const nowMs = Date.now() + shop.store.aheadMs(account)
  const due = shop.store
    .jobs()
    .filter((job) => job.account === account && job.dueMs <= nowMs)
    .toSorted((a, b) => a.dueMs - b.dueMs)
  for (const job of due) {
    runJob(deskAt(shop, account, job.dueMs), job)
    shop.store.append([{ done: job.id }])
  }
  return deskAt(shop, account, nowMs)
}

function deskAt(shop: Shop, account: string, nowMs: number): Desk {
  const desk = openDesk(shop.store, { account, nowMs, url: shop.url() }, (event) => {
    shop.hooks.send(event, behaviourOf(methodOf(desk, event)).webhooks)
  })
  return desk
}

function runJob(desk: Desk, job: Job): void {
  switch (job.action) {
    case 'settle':
    case 'fail':
    case 'expire':
      return runIntentJob(desk, job.action, job.object)
    case 'dispute':
    case 'dispute_due':
    case 'dispute_decided':
      return runDisputeJob(desk, job.action, job.object)
    case 'settle_refund':
    case 'fail_refund':
      return runRefundJob(desk, job.action, job.object)
  }
}

/** The method of the payment that an event is about. */
function methodOf(desk: Desk, event: PspEvent) {
  const { id, payment_intent } = { id: '', payment_intent: '', ...event.object }
  const intent = desk.find('payment_intent', id) ?? desk.find('payment_intent', payment_intent)
  return intent === undefined ? undefined : currentMethod(desk, intent)
}
