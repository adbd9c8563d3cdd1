import { setTimeout as delay } from 'node:timers/promises'
import { z } from '@hono/zod-openapi'
import type { ApiDeps } from './deps.ts'
import { readPreferences } from './prefer.ts'
import type { Printed, RawCall } from './route.ts'

/** Longer than that nobody should hold a payer's page open. */
const WAIT_SECONDS_MAX = 10
const POLL_MS = 60

const withId = z.object({ id: z.string() })

/**
 * `Prefer: wait=N` on what a workflow carries out: waits after the commit until it has an outcome,
 * for N seconds at most, and prints it as it is then. Without it the answer stays as it was.
 */
export async function waitForOutcome(
  deps: ApiDeps,
  call: RawCall,
  printed: Printed,
  look: {
    isSettled(id: string): Promise<boolean>
    print(id: string): Promise<unknown>
  },
): Promise<Printed> {
  const waitSeconds = Math.min(readPreferences(call.header('prefer')).waitSeconds, WAIT_SECONDS_MAX)
  if (waitSeconds === 0 || typeof printed.body !== 'string') return printed
  deps.orders.outbox.nudge()
  const { id } = withId.parse(JSON.parse(printed.body))
  const untilMs = performance.now() + waitSeconds * 1000
  while (!(await look.isSettled(id)) && performance.now() < untilMs) await delay(POLL_MS)
  return {
    ...printed,
    headers: { ...printed.headers, 'Preference-Applied': `wait=${waitSeconds}` },
    body: JSON.stringify(await look.print(id)),
  }
}
