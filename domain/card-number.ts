/**
 * Finds what may be the number of a real card, so that it is refused before anything keeps it: 13 to
 * 19 digits, spaces and dashes between them allowed, in the range of a brand, with the right check
 * digit.
 */
const BRAND_RANGES = [
  /^4\d{12}(?:\d{3})?(?:\d{3})?$/, // Visa
  /^(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}$/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^(?:6011|65\d{2}|64[4-9]\d)\d{12}$/, // Discover
  /^3(?:0[0-5]|[68]\d)\d{11}$/, // Diners Club
  /^35(?:2[89]|[3-8]\d)\d{12}$/, // JCB
  /^62\d{14,17}$/, // UnionPay
]

/** Whether a text holds what may be a card number. */
export function holdsCardNumber(text: string): boolean {
  const others = text.replaceAll(/\b[a-z]{2,5}_[0-9a-f]{26}\b/g, '') // our own ids are no cards
  return (others.match(/(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g) ?? []).some((found) =>
    isCardNumber(found.replaceAll(/[ -]/g, '')),
  )
}

function isCardNumber(digits: string): boolean {
  return BRAND_RANGES.some((range) => range.test(digits)) && hasCheckDigit(digits)
}

/** Luhn: every second digit from the right counts twice, its own digits added up. */
function hasCheckDigit(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    const doubled = index % 2 === 0 ? digit : digit * 2
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** The path of the first text or number in a JSON value that may be a card number, or null. */
export function findCardNumber(value: unknown, path = ''): string | null {
  if (typeof value === 'string') return holdsCardNumber(value) ? path : null
  if (typeof value === 'number') return holdsCardNumber(String(value)) ? path : null
  if (typeof value !== 'object' || value === null) return null
  for (const [name, part] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`
    const found = holdsCardNumber(name) ? path : findCardNumber(part, at)
    if (found !== null) return found
  }
  return null
}
