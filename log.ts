import { pino, type DestinationStream, type Logger } from 'pino'

export type Log = Logger

/**
 * A JSON log on standard output, or to `destination`. Logs are events: one name, a few fields, ids and never bodies.
 * The redaction is a net below that rule: it blanks the fields that would hold a secret.
 */
export function createLog(name: string, level: string, destination?: DestinationStream): Log {
  const secret = ['authorization', 'key', 'secret', 'code', 'pin', 'password', 'cookie', 'serial']
  const settings = {
    name,
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      bindings: () => ({ process: name }),
    },
    redact: {
      paths: secret.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '***',
    },
    serializers: { error: pino.stdSerializers.err },
  }
  return destination === undefined ? pino(settings) : pino(settings, destination)
}
