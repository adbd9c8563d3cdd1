import type { ChildPhase } from './children.ts'

/**
 * The children's log lines, one readable line each, with the child's name before it. Without
 * `--verbose` only warnings and errors, and the same message at most once in ten seconds, because a
 * server that has lost its database says so hundreds of times.
 */
export type ChildLogs = { line(name: string, text: string, phase: ChildPhase): void }

type Level = 'debug' | 'info' | 'warn' | 'error'

type Entry = { level: Level; message: string; details: string }

const QUIET_SECONDS = 10
const NAME_WIDTH = 8

/** `write` gets one line at a time. */
export function openChildLogs(options: {
  verbose: boolean
  write: (text: string) => void
  nowMs?: () => number
}): ChildLogs {
  const nowMs = options.nowMs ?? (() => performance.now())
  const printed = new Map<string, { at: number; held: number }>()
  return {
    line(name, text, phase) {
      const { level, message, details } = parse(name, text)
      if (options.verbose) return options.write(format(name, level, message, details))
      if (level !== 'warn' && level !== 'error') return
      if (name === 'temporal' && (phase !== 'running' || TEMPORAL_USUAL.test(text))) return
      const key = `${name} ${message}`
      const before = printed.get(key)
      if (before !== undefined && nowMs() - before.at < QUIET_SECONDS * 1000) {
        before.held += 1
        return
      }
      const more = before !== undefined && before.held > 0 ? ` (and ${before.held} like it)` : ''
      printed.set(key, { at: nowMs(), held: 0 })
      options.write(format(name, level, message, details + more))
    },
  }
}

function format(name: string, level: Level, message: string, details: string): string {
  const mark = level === 'warn' || level === 'error' ? `${level.toUpperCase()} ` : ''
  return `${name.padEnd(NAME_WIDTH)} | ${mark}${message}${details === '' ? '' : ` ${details}`}`
}

function parse(name: string, text: string): Entry {
  const fields = jsonObject(text)
  if (fields !== null) return fromJson(fields)
  if (name === 'postgres') return fromPostgres(text)
  // Temporal's schema tool and web UI are talkative; what ends the server begins like this.
  if (name === 'temporal') {
    return {
      level: /^(panic|fatal|\d{4}\/)/.test(text) ? 'error' : 'info',
      message: text,
      details: '',
    }
  }
  // Our own programs write JSON; anything else is a crash or a warning of Node.
  return { level: 'warn', message: text, details: '' }
}

const LEVELS: Record<string, Level> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'error',
}

/** What is said elsewhere on the line, or of no use to a reader at a terminal. */
const HIDDEN = new Set(['level', 'msg', 'time', 'ts', 'process', 'logging-call-at', 'stacktrace'])

function fromJson(fields: Record<string, unknown>): Entry {
  const details = Object.entries(fields)
    .filter(([field]) => !HIDDEN.has(field))
    .map(([field, value]) => `${field}=${shown(value)}`)
  return {
    level: LEVELS[String(fields['level'])] ?? 'info',
    message: typeof fields['msg'] === 'string' ? fields['msg'] : '',
    details: details.join(' '),
  }
}

/** Errors are logged as objects; their message is what helps. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'message' in value)
    return String(value.message)
  return JSON.stringify(value)
}

/** Its parts look for each other when they come and go, and complain about those not yet there. */
const TEMPORAL_USUAL = /not healthy yet|Not enough hosts/

/** What a start, a stop and the product's own work make PostgreSQL say; the product handles it. */
const POSTGRES_USUAL =
  /starting up|not yet accepting|shutting down|terminating connection|in recovery mode|database "[^"]*" does not exist/

function fromPostgres(text: string): Entry {
  const message = text.replace(/^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] /, '')
  const severe = /^(PANIC|FATAL):/.test(message) && !POSTGRES_USUAL.test(message)
  return { level: severe ? 'error' : 'info', message, details: '' }
}

function jsonObject(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : null
  } catch {
    return null // a line that only looks like JSON is shown as it is
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
