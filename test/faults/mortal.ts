import { startChild, type Child, type ChildEvents, type ChildSpec } from '../../cli/children.ts'
import { isAlive } from '../../cli/process-list.ts'

/**
 * A process that a fault can kill or freeze. It comes back a moment later, as under an init system,
 * and not with the growing delays of `npm start`: hundreds of kills in one run must not add up.
 */
export type Mortal = {
  readonly name: string
  /** Null while it is down. */
  readonly pid: number | null
  /** Kills by us that ended a running process. */
  readonly kills: number
  /** Deaths that nobody ordered, each in words: the process gave up by itself. */
  readonly ownDeaths: string[]
  /**
   * kill -9 of the whole process group, also while it still starts. Resolves when the process is gone;
   * it is started again. One that is down stays as it is.
   */
  kill(): Promise<void>
  /** SIGSTOP and SIGCONT of the whole process group. */
  pause(): void
  resume(): void
  /** Keeps it down after the next kill until `revive`. */
  keepDown(): void
  revive(): void
  /** Resolves when it runs and is ready. */
  up(): Promise<void>
  /** Asks it to end in order, as a deploy does, and waits for that. It is not started again. */
  retire(): Promise<void>
  stop(): Promise<void>
}

const RESTART_MS = 100
const RETRY_MS = 250 // it may need another process that is down too

export type MortalEvents = {
  line(name: string, text: string): void
}

const POLL_MS = 5

/** Starts it and resolves when it is ready. Rejects when it does not become ready this first time. */
export async function startMortal(spec: ChildSpec, events: MortalEvents): Promise<Mortal> {
  const never = new AbortController()
  const ownDeaths: string[] = []
  /** A process that is not ready yet. */
  let starting: number | null = null
  const childEvents: ChildEvents = {
    launched(_, pid) {
      starting = pid
    },
    line: (name, text) => events.line(name, text),
    died(name, how) {
      ownDeaths.push(how)
      events.line(name, `[harness] ${how}`)
    },
    revived(name) {
      starting = null
      events.line(name, '[harness] runs again')
    },
  }
  let child: Child = await startChild(spec, childEvents, never.signal)
  starting = null
  let kills = 0
  let dying: Promise<void> | null = null
  let stopped = false
  let keptDown = false
  let mayRun = Promise.withResolvers<void>()
  mayRun.resolve()
  let reviving: Promise<void> = Promise.resolve()

  const launchUntilReady = async (): Promise<void> => {
    await pause(RESTART_MS)
    for (;;) {
      await mayRun.promise
      if (stopped) return
      try {
        child = await startChild(spec, childEvents, never.signal)
        starting = null
        return
      } catch (error) {
        starting = null
        events.line(spec.name, `[harness] ${String(error).split('\n')[0]}`)
        await pause(RETRY_MS)
      }
    }
  }
  const signal = (name: NodeJS.Signals): void => {
    const pid = child.pid ?? starting
    if (pid !== null && isAlive(pid)) process.kill(-pid, name)
  }

  return {
    name: spec.name,
    get pid() {
      return child.pid
    },
    get kills() {
      return kills
    },
    ownDeaths,
    async kill() {
      if (dying !== null) return dying
      if (starting !== null && isAlive(starting)) {
        const pid = starting
        kills += 1
        events.line(spec.name, `[harness] kill -9 ${pid} while it starts`)
        process.kill(-pid, 'SIGKILL')
        while (isAlive(pid)) await pause(POLL_MS)
        return // `launchUntilReady` hears of it and tries again
      }
      if (child.pid === null) return
      kills += 1
      events.line(spec.name, `[harness] kill -9 ${child.pid}`)
      child.kill()
      dying = child.stop()
      reviving = dying.then(launchUntilReady)
      await dying
      dying = null
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    keepDown() {
      if (!keptDown) mayRun = Promise.withResolvers<void>()
      keptDown = true
    },
    revive() {
      keptDown = false
      mayRun.resolve()
    },
    async up() {
      await reviving
      while (child.pid === null) await pause(RETRY_MS)
    },
    async retire() {
      stopped = true
      mayRun.resolve()
      await reviving
      await child.stop()
    },
    async stop() {
      stopped = true
      mayRun.resolve()
      await reviving
      child.kill() // its data is thrown away; nobody waits for an orderly end
      await child.stop()
    },
  }
}

/** Lets real time pass: faults last, and processes need a moment. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
