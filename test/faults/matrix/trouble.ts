import { isMainThread } from 'node:worker_threads'

/**
 * Loaded before the product (`node --import`) into a process that is to suffer. It moves what the
 * process takes for real time, and on SIGUSR2 it steps that clock, blocks the event loop or eats all
 * memory, as its environment says. Nothing of the product knows of it.
 */

const offsetMs = Number(process.env['BARK_TROUBLE_CLOCK_MS'] ?? '0')
const [kind, amount] = (process.env['BARK_TROUBLE_ON_SIGNAL'] ?? '').split(':')
let stepMs = 0

const RealDate = Date
const realNow = Date.now.bind(Date)
const shiftedNow = (): number => realNow() + offsetMs + stepMs

if (offsetMs !== 0 || kind === 'step') {
  globalThis.Date = new Proxy(RealDate, {
    construct(target, args, newTarget) {
      return Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget)
    },
    apply: () => new RealDate(shiftedNow()).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? shiftedNow : Reflect.get(target, name, receiver),
  })
}

/** Holds the event loop for so long, as a bad regular expression would. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Takes memory until the process is ended for it. */
function eatMemory(): void {
  const eaten: number[][] = []
  for (;;) eaten.push(Array.from({ length: 1_000_000 }, (_, index) => index))
}

if (isMainThread && kind !== undefined && kind !== '') {
  process.on('SIGUSR2', () => {
    if (kind === 'step') stepMs += Number(amount)
    if (kind === 'block') block(Number(amount))
    if (kind === 'memory') eatMemory()
  })
}
