/** The two worlds of an organization; the prefix of a key says which one it opens. */
export type Mode = 'live' | 'test'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHARACTERS = 40 // 238 bits of chance
const CHECKSUM_CHARACTERS = 6 // 62^6 is above 2^32
const FORM = /^(live|test)_([0-9A-Za-z]{40})([0-9A-Za-z]{6})$/

/**
 * `test_` or `live_`, 40 characters of chance, 6 of checksum. The checksum is no secret: it lets
 * the gateway turn garbage away without asking the database, and a secret scanner be certain.
 *
 * @param random at least 40 random bytes
 * @throws RangeError for fewer bytes
 */
export function formatApiKey(mode: Mode, random: Uint8Array): string {
  if (random.length < CHARACTERS) throw new RangeError('An API key needs 40 random bytes')
  // 256 is not a multiple of 62: eight of the characters are a little likelier, which costs the
  // 238 bits less than one.
  const body = Array.from(random.slice(0, CHARACTERS), (byte) => ALPHABET[byte % 62]).join('')
  return `${mode}_${body}${checksum(`${mode}_${body}`)}`
}

/** The mode of a well-formed key with a right checksum, or null for anything else. */
export function apiKeyMode(text: string): Mode | null {
  const [, mode, body, sum] = FORM.exec(text) ?? []
  if (mode === undefined || checksum(`${mode}_${body}`) !== sum) return null
  return mode === 'live' ? 'live' : 'test'
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  while (digits.length < CHECKSUM_CHARACTERS) {
    digits = `${ALPHABET[rest % 62]}${digits}`
    rest = Math.floor(rest / 62)
  }
  return digits
}

const CRC_OF_BYTE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc >>> 0
})

/** CRC-32 (ISO-HDLC, as in zip) of ASCII text. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (let index = 0; index < text.length; index++) {
    crc = (crc >>> 8) ^ (CRC_OF_BYTE[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
