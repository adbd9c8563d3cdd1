/**
 * Waits for all, also when one fails: whoever tidies up afterwards must know that nothing is still
 * being started. The first failure aborts `giveUp`, so that the others need not be finished, and is
 * what this rejects with.
 */
export async function allOrNone<const T extends readonly Promise<unknown>[]>(
  giveUp: AbortController,
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  for (const item of work) item.catch((error: unknown) => giveUp.abort(error))
  await Promise.allSettled(work)
  giveUp.signal.throwIfAborted()
  return Promise.all(work)
}
