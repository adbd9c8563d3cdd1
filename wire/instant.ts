/**
 * An instant as the wire prints it: RFC 3339, UTC, milliseconds, `Z`. Takes what the driver gives
 * (a Date) and what PostgreSQL writes into JSON (text with an offset and microseconds).
 */
export function printInstant(instant: Date | string): string {
  return new Date(instant).toISOString()
}
