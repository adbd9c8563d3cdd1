/**
 * Which addresses a webhook may be sent to. Pure: names are looked up elsewhere, at each dial; here
 * are the rules for what a URL says and for what a look-up answers.
 */

export const WEBHOOK_URL_CHARACTERS_MAX = 2_048
const PORTS = ['', '443', '8443'] // '' is the scheme's own port, as URL prints it

export type WebhookUrlVerdict = { url: URL; problem: null } | { url: null; problem: string }

/**
 * Reads the URL of an endpoint. `allowedPrivateHosts` holds `host` or `host:port` entries that may
 * be loopback, plain http and any port. `problem` is a sentence for the customer. Names are not
 * looked up, so an endpoint can be created while its name does not resolve.
 */
export function readWebhookUrl(
  text: string,
  allowedPrivateHosts: readonly string[],
): WebhookUrlVerdict {
  if (text.length > WEBHOOK_URL_CHARACTERS_MAX) {
    return refuse(`A URL has ${WEBHOOK_URL_CHARACTERS_MAX} characters at most`)
  }
  // URL strips these silently; what is sent must be what was written.
  if (/[\s\\\p{Cc}]/u.test(text))
    return refuse('A URL has no spaces, backslashes or control characters')
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['https:', 'http:'].includes(url.protocol)) {
    return refuse('Not an https URL')
  }
  if (url.username !== '' || url.password !== '') return refuse('A URL must not hold credentials')
  if (url.hash !== '') return refuse('A URL must not hold a fragment: it is never sent')
  if (isAllowedPrivateHost(url, allowedPrivateHosts)) return { url, problem: null }
  if (url.protocol !== 'https:') return refuse('Only https is allowed')
  if (!PORTS.includes(url.port)) return refuse('Only the ports 443 and 8443 are allowed')
  const problem = judgeHost(url.hostname)
  return problem === null ? { url, problem: null } : refuse(problem)
}

/** Whether an entry of the allow-list names this host, or this host and port. */
export function isAllowedPrivateHost(url: URL, allowedPrivateHosts: readonly string[]): boolean {
  const port = url.port || (url.protocol === 'http:' ? '80' : '443')
  return allowedPrivateHosts.some(
    (entry) => entry === url.hostname || entry === `${url.hostname}:${port}`,
  )
}

function judgeHost(hostname: string): string | null {
  const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  if (parseAddress(literal) !== null) {
    return isPublicAddress(literal) ? null : 'This address is not public'
  }
  const labels = hostname.replace(/\.$/, '').split('.')
  const last = labels.at(-1)
  if (labels.length < 2 || last === 'localhost' || last === 'local' || last === 'internal') {
    return 'This name is not public'
  }
  return null
}

function refuse(problem: string): WebhookUrlVerdict {
  return { url: null, problem }
}

/**
 * Whether packets to this address go to the public internet. Takes IPv4 with four decimal numbers,
 * or any IPv6 text; whatever is neither is not public. Everything is refused that the registries
 * of special-purpose addresses list (RFC 6890 and its successors), and IPv6 outside 2000::/3.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text)
  if (address === null) return false
  if (address.bits === 32) return !SPECIAL_4.some((range) => holds(range, address))
  const embedded = embeddedIpv4(address.value)
  if (embedded !== null) return isPublicAddress(embedded)
  return holds(GLOBAL_6, address) && !SPECIAL_6.some((range) => holds(range, address))
}

type Address = { bits: 32 | 128; value: bigint }
type Range = Address & { prefix: number }

const SPECIAL_4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, and the metadata services of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
].map(parseRange)

const GLOBAL_6 = parseRange('2000::/3')
const SPECIAL_6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarking, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4 leads to any IPv4 address
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
].map(parseRange)

/** ::ffff:a.b.c.d is the IPv4 address itself, so it is judged as that. */
const MAPPED = parseRange('::ffff:0:0/96')

function embeddedIpv4(value: bigint): string | null {
  if (!holds(MAPPED, { bits: 128, value })) return null
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
}

function holds(range: Range, address: Address): boolean {
  if (range.bits !== address.bits) return false
  const rest = BigInt(range.bits - range.prefix)
  return range.value >> rest === address.value >> rest
}

function parseRange(text: string): Range {
  const [base = '', prefix = ''] = text.split('/')
  const address = parseAddress(base)
  if (address === null) throw new TypeError(`Not a range: ${text}`)
  return { ...address, prefix: Number(prefix) }
}

function parseAddress(text: string): Address | null {
  const four = parseIpv4(text)
  if (four !== null) return { bits: 32, value: four }
  const six = parseIpv6(text)
  return six === null ? null : { bits: 128, value: six }
}

function parseIpv4(text: string): bigint | null {
  // No leading zeros: some would read them as octal.
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return null
  const numbers = text.split('.').map(Number)
  if (numbers.some((number) => number > 255)) return null
  return numbers.reduce((value, number) => (value << 8n) | BigInt(number), 0n)
}

function parseIpv6(text: string): bigint | null {
  const lastColon = text.lastIndexOf(':')
  if (lastColon === -1) return null
  const tail = text.slice(lastColon + 1)
  const dotted = tail.includes('.') ? parseIpv4(tail) : undefined
  if (dotted === null) return null
  const hex =
    dotted === undefined
      ? text
      : `${text.slice(0, lastColon + 1)}${(dotted >> 16n).toString(16)}:${(dotted & 65_535n).toString(16)}`
  const halves = hex.split('::')
  if (halves.length > 2) return null
  const [head = '', rest] = halves
  const front = head === '' ? [] : head.split(':')
  const back = rest === undefined || rest === '' ? [] : rest.split(':')
  const missing = 8 - front.length - back.length
  if (rest === undefined ? missing !== 0 : missing < 1) return null
  const groups = [...front, ...Array.from({ length: missing }, () => '0'), ...back]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}
