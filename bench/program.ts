import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Environment } from '../cli/children.ts'

/** A process under measurement. Its log goes to a file, so that reading it costs nobody anything. */
export type Program = { pid: number; stop(): Promise<void> }

const READY_MS_MAX = 60_000
/** A folder for processor profiles of every program, one file each; nothing without it. */
const PROFILES = process.env['BENCH_PROFILES']

/**
 * Starts a file of JavaScript or TypeScript and resolves when its log says `"msg":"ready"`. It ends
 * with us: a closed channel tells it. Throws with the end of its log when it is not ready in a minute.
 */
export async function startProgram(
  file: string,
  options: { env: Environment; logFile: string; args: string[]; cwd: string },
): Promise<Program> {
  const log = openSync(options.logFile, 'w')
  const profiling = PROFILES === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`]
  const child = spawn(process.execPath, [...profiling, file, ...options.args], {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  const ended = once(child, 'exit')
  const until = performance.now() + READY_MS_MAX
  while (!readFileSync(options.logFile, 'utf8').includes('"msg":"ready"')) {
    if (child.exitCode !== null || performance.now() > until) {
      child.kill('SIGKILL')
      throw new Error(
        `${file} is not ready:\n${readFileSync(options.logFile, 'utf8').slice(-2_000)}`,
      )
    }
    await delay(20)
  }
  if (child.pid === undefined) throw new Error(`${file} has no process`)
  return {
    pid: child.pid,
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
