/**
 * Gives an exchange so much time; its signal says `TimeoutError` when that is over. The timer goes with the
 * exchange: that of `AbortSignal.timeout` goes off long after it, and makes an error, with its stack,
 * that nobody reads (docs/decisions/0035).
 */
export async function withinTime<T>(
  milliseconds: number,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const timer = setTimeout(() => {
    over.abort(new DOMException(`No answer in ${milliseconds} ms`, 'TimeoutError'))
  }, milliseconds)
  try {
    return await exchange(over.signal)
  } finally {
    clearTimeout(timer)
  }
}
