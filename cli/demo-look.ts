import { setTimeout as delay } from 'node:timers/promises'
import { formatDecimal } from '../domain/money.ts'
import type { ApiClient } from './api-client.ts'
import { clockShape } from './demo-shapes.ts'

/** The running system, and what the listener hears. */
export type Story = {
  running: { api: string; key: string; inbox: string | null }
  dataDir: string
  /** What happens next. */
  say(text: string): void
  /** What was done and found as it should be. */
  did(text: string): void
}

/** Something was not as told. */
export class BrokenPromise extends Error {
  override name = 'BrokenPromise'
}

const SEE_EVERY_MS = 100
const SEE_MS_MAX = 30_000
const CLOCK_MS_MAX = 120_000 // a stop may take a minute

/** Looks again and again until it is so; throws `BrokenPromise` when it does not come. */
export async function see<Value>(
  look: () => Promise<Value>,
  isSo: (value: Value) => boolean,
  what: string,
  withinMs = SEE_MS_MAX,
): Promise<Value> {
  const until = performance.now() + withinMs
  for (;;) {
    const value = await look()
    if (isSo(value)) return value
    if (performance.now() > until) {
      throw new BrokenPromise(`Waited ${withinMs / 1000} s for ${what}; last seen: ${print(value)}`)
    }
    await delay(SEE_EVERY_MS)
  }
}

/** Throws `BrokenPromise` unless it is so; `what` follows "Expected". */
export function expect(isSo: boolean, what: string): void {
  if (!isSo) throw new BrokenPromise(`Expected ${what}`)
}

/** Moves the test clock and waits until everything that it released is done. */
export async function advanceClock(api: ApiClient, by: string): Promise<void> {
  await readyClock(api)
  await api.post('/v2/test_clock', { advance: by }, clockShape)
  await readyClock(api)
}

/** The clock when it stands still; somebody else may be moving it. */
export async function readyClock(api: ApiClient): Promise<{ now: string }> {
  const readClock = () => api.get('/v2/test_clock', clockShape)
  return see(readClock, ({ status }) => status === 'ready', 'the test clock', CLOCK_MS_MAX)
}

/** "52.99 USD" */
export function amountOf(sum: { total_minor: number; currency: string }): string {
  return `${formatDecimal(BigInt(sum.total_minor), sum.currency)} ${sum.currency}`
}

/** For a message: a code does not belong on a screen. */
function print(value: unknown): string {
  return JSON.stringify(value, (name, part: unknown) => (name === 'code' ? undefined : part))
}
