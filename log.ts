import { pino, type Logger } from 'pino'

export type Log = Logger

/**
 * A JSON log on standard output. Logs are events: one name, a few fields, ids and never bodies.
 * The redaction is a net below that rule: it blanks the fields that would hold a secret.
 */
export function createLog(name: string, level: string): Log {
  const secret = ['authorization', 'key', 'secret', 'code', 'pin', 'password', 'cookie', 'serial']
  return pino({
    name,
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), bindings: () => ({ process: name }) },
    redact: { paths: secret.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '***' },
    serializers: { error: pino.stdSerializers.err },
  })
}
