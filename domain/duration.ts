import { DomainError } from './error.ts'

// The digits allow more than a year in each unit; what is longer than any clock may move is a typo.
const FORM =
  /^P(?=\d|T\d)(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,8}(?:\.\d{1,3})?)S)?)?$/
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const SECOND_MS = 1_000

/**
 * Reads an ISO 8601 duration of days, hours, minutes and seconds, such as `PT26H` or `P1DT30M`, into
 * milliseconds. A day has 24 hours. Years, months and weeks are refused: their length depends.
 *
 * @throws DomainError `invalid_fields` when it is written differently
 */
export function parseDurationMs(text: string): number {
  const match = FORM.exec(text)
  if (match === null) {
    throw new DomainError('invalid_fields', 'A duration is written like PT26H or P1DT30M.')
  }
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0))
  return (
    (days ?? 0) * DAY_MS +
    (hours ?? 0) * HOUR_MS +
    (minutes ?? 0) * MINUTE_MS +
    Math.round((seconds ?? 0) * SECOND_MS)
  )
}
