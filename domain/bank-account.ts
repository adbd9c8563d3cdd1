/** Where a seller is paid to. */
export type BankAccount = {
  /** An IBAN, or the bank's own number of the account where there is none; without spaces. */
  account: string
  /** The BIC of the bank, or the code by which it is known in its country. */
  bank_code?: string
}

/** Whether a number has the form of an IBAN: a country, two check digits, the account. */
export function isIban(account: string): boolean {
  return /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(account)
}

/** ISO 13616: the number with its first four characters behind it, letters as 10 to 35, is 1 modulo 97. */
export function hasIbanChecksum(iban: string): boolean {
  const digits = Array.from(`${iban.slice(4)}${iban.slice(0, 4)}`, (character) =>
    Number.parseInt(character, 36),
  )
  return BigInt(digits.join('')) % 97n === 1n
}

/** As people read it: an IBAN in groups of four. */
export function displayAccount(account: string): string {
  return isIban(account) ? account.replaceAll(/(.{4})(?=.)/g, '$1 ') : account
}
