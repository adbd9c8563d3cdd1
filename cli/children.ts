import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

export type Environment = Record<string, string | undefined>

/** One step of asking a process to end: the signal, and how long it has to follow it. */
export type StopStep = { signal: NodeJS.Signals; secondsMax: number }

export type ChildSpec = {
  name: string
  command: string
  args: string[]
  env: Environment
  cwd: string
  /** The user to run as; left out = ours. */
  user?: { uid: number; gid: number }
  /**
   * How the child learns that its parent is gone, also by kill -9: `ipc` for our own Node programs,
   * `stdin` for a program that ends with its standard input, `guard` for one that knows neither.
   */
  parentLink: 'ipc' | 'stdin' | 'guard'
  stop: StopStep[]
  /** Called before every launch, also before a restart: takes away what a crash may have left. */
  beforeStart?: () => Promise<void>
  /** `ready-line` waits for a log line with `"msg":"ready"`; a function is asked until it is true. */
  ready: 'ready-line' | (() => Promise<boolean>)
  readySecondsMax: number
}

/** `ending`: it was asked to end. */
export type ChildPhase = 'starting' | 'running' | 'ending'

export type ChildEvents = {
  /** A process began; it is not ready yet. */
  launched?(name: string, pid: number): void
  line(name: string, text: string, phase: ChildPhase): void
  /** The child ended by itself; it is started again after the delay. */
  died(name: string, how: string, delaySeconds: number): void
  /** Ready again after a restart. */
  revived(name: string, pid: number): void
}

export type Child = {
  readonly name: string
  /** Null while it is down between two runs. */
  readonly pid: number | null
  /** Resolves when the process is gone. Safe to call twice. */
  stop(): Promise<void>
  /** At once and without asking. */
  kill(): void
}

const RESTART_SECONDS_MIN = 0.5
const RESTART_SECONDS_MAX = 10
/** A child that lived this long starts its back-off anew. */
const STEADY_SECONDS = 60
const LAST_LINES_MAX = 20
const READY_POLL_MS = 50

/**
 * Starts a child and resolves when it is ready; from then on it is started again whenever it dies,
 * with growing delays. Rejects, with its last lines and the process gone, if it does not become ready
 * the first time or if `signal` is aborted before.
 */
export async function startChild(
  spec: ChildSpec,
  events: ChildEvents,
  signal: AbortSignal,
): Promise<Child> {
  signal.throwIfAborted()
  const stopping = new AbortController()
  await spec.beforeStart?.()
  let run = launch(spec, events)
  let supervision: Promise<void> = Promise.resolve()

  const child: Child = {
    name: spec.name,
    get pid() {
      return run.alive() ? (run.process.pid ?? null) : null
    },
    async stop() {
      stopping.abort()
      await end(run, spec.stop)
      await supervision
    },
    kill() {
      stopping.abort()
      signalGroup(run, 'SIGKILL')
    },
  }

  async function supervise(): Promise<void> {
    let delaySeconds = RESTART_SECONDS_MIN
    for (;;) {
      const how = await run.ended
      if (stopping.signal.aborted) return
      if (run.ageSeconds() > STEADY_SECONDS) delaySeconds = RESTART_SECONDS_MIN
      events.died(spec.name, how, delaySeconds)
      await delay(delaySeconds * 1000, undefined, { signal: stopping.signal }).catch(ignoreAbort)
      if (stopping.signal.aborted) return
      delaySeconds = Math.min(delaySeconds * 2, RESTART_SECONDS_MAX)
      try {
        await spec.beforeStart?.()
      } catch (error) {
        events.line(spec.name, `could not be started: ${String(error)}`, 'starting')
        continue // with the next, longer delay
      }
      if (stopping.signal.aborted) return
      run = launch(spec, events)
      const failure = await untilReady(run, spec, stopping.signal)
      if (failure === null) events.revived(spec.name, run.process.pid ?? 0)
      else await end(run, spec.stop)
    }
  }

  const failure = await untilReady(run, spec, signal)
  if (failure !== null) {
    await end(run, spec.stop)
    signal.throwIfAborted()
    throw new Error(`${spec.name} ${failure}${run.lastLines()}`)
  }
  supervision = supervise()
  return child
}

type Run = {
  process: ChildProcess
  /** Resolves with how it ended, in words. */
  ended: Promise<string>
  saidReady: Promise<void>
  enter(phase: ChildPhase): void
  alive(): boolean
  ageSeconds(): number
  lastLines(): string
}

const GUARD = `program=$$
( ( if read -r word; then :; else kill -INT "$program"; fi ) <&3 >/dev/null 2>&1 & ) 3<&0
exec "$@" </dev/null`

/**
 * A command line for a program that must not outlive us, to be run with a pipe as standard input. It
 * is a shell that becomes the program itself by `exec`, so the process id stays. Before, it leaves a
 * helper behind that reads the pipe: a line means that the program has ended, the pipe's end that we
 * are gone, and then the helper asks the program to end.
 */
export function guarded(command: string, args: string[]): [string, string[]] {
  return ['/bin/sh', ['-c', GUARD, 'guard', command, ...args]]
}

function launch(spec: ChildSpec, events: ChildEvents): Run {
  const [command, args] =
    spec.parentLink === 'guard' ? guarded(spec.command, spec.args) : [spec.command, spec.args]
  const startedAt = performance.now()
  const child = spawn(command, args, {
    cwd: spec.cwd,
    env: spec.env,
    ...spec.user,
    // Its own process group: Ctrl-C in the terminal reaches only us, and we stop them in order.
    detached: true,
    stdio: spec.parentLink === 'ipc' ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['pipe', 'pipe', 'pipe'],
  })
  if (child.pid !== undefined) events.launched?.(spec.name, child.pid)
  // It may be gone before it reads its pipe; `ended` tells that story.
  child.stdin?.on('error', () => undefined)

  let phase: ChildPhase = 'starting'
  const tail: string[] = []
  const ready = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (text) => {
      tail.push(text)
      if (tail.length > LAST_LINES_MAX) tail.shift()
      if (isReadyLine(text)) ready.resolve()
      events.line(spec.name, text, phase)
    })
  }

  let alive = true
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      alive = false
      resolve(`could not be started: ${error.message}`)
    })
    child.once('exit', (code, signal) => {
      alive = false
      if (spec.parentLink === 'guard') child.stdin?.end('ended\n')
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`)
    })
  })
  return {
    process: child,
    ended,
    saidReady: ready.promise,
    enter(next) {
      phase = next
    },
    alive: () => alive,
    ageSeconds: () => (performance.now() - startedAt) / 1000,
    lastLines: () => tail.map((text) => `\n  ${text}`).join(''),
  }
}

/** Null when ready, else what happened instead. */
async function untilReady(run: Run, spec: ChildSpec, stop: AbortSignal): Promise<string | null> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, stop])
  const { ready } = spec
  try {
    const failure = await Promise.race([
      ready === 'ready-line' ? run.saidReady.then(() => null) : poll(ready, signal),
      run.ended,
      delay(spec.readySecondsMax * 1000, `was not ready after ${spec.readySecondsMax} s`, {
        signal,
      }),
    ])
    if (failure === null) run.enter('running')
    return failure
  } catch (error) {
    if (stop.aborted) return 'was stopped while it started'
    throw error
  } finally {
    over.abort()
  }
}

async function poll(ready: () => Promise<boolean>, signal: AbortSignal): Promise<null> {
  while (!(await ready())) await delay(READY_POLL_MS, undefined, { signal })
  return null
}

async function end(run: Run, steps: StopStep[]): Promise<void> {
  run.enter('ending')
  for (const { signal, secondsMax } of steps) {
    if (!run.alive()) return
    run.process.kill(signal)
    // An open channel that the child listens to would keep it alive when its work is done.
    if (run.process.connected) run.process.disconnect()
    const inTime = new AbortController()
    await Promise.race([
      run.ended,
      delay(secondsMax * 1000, undefined, { signal: inTime.signal }).catch(ignoreAbort),
    ])
    inTime.abort()
  }
  if (!run.alive()) return
  signalGroup(run, 'SIGKILL')
  await run.ended
}

/** The whole process group, so that what the child has started ends too. */
function signalGroup(run: Run, signal: NodeJS.Signals): void {
  if (!run.alive() || run.process.pid === undefined) return
  process.kill(-run.process.pid, signal)
}

function isReadyLine(text: string): boolean {
  return text.startsWith('{') && text.includes('"msg":"ready"')
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}
