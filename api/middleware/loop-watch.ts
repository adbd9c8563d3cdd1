/** How late this process's event loop runs its timers. */
export type LoopWatch = { delayMs(): number; close(): void }

const EVERY_MS = 20

/** Looks at one timer that is always set; it keeps nothing alive. */
export function createLoopWatch(): LoopWatch {
  let dueAt = performance.now() + EVERY_MS
  let lateMs = 0
  const timer = setInterval(() => {
    const now = performance.now()
    lateMs = Math.max(0, now - dueAt)
    dueAt = now + EVERY_MS
  }, EVERY_MS)
  timer.unref()
  return {
    // A timer that should have run by now is late already.
    delayMs: () => Math.max(lateMs, performance.now() - dueAt),
    close: () => clearInterval(timer),
  }
}
