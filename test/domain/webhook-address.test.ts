import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { isPublicAddress, readWebhookUrl } from '../../domain/webhook-address.ts'

/** Forty-eight ways to write an address that is not a merchant's public endpoint. */
const PRIVATE_FORMS = [
  // Loopback, in every notation that a URL parser accepts.
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.1/',
  'https://0x7f.1/',
  'https://0x7f000001/',
  'https://0177.0.0.1/',
  'https://2130706433/',
  'https://017700000001/',
  'https://127.255.255.254/',
  'https://%31%32%37.0.0.1/',
  'https://①②⑦.⓪.⓪.①/',
  'https://127。0。0。1/',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::127.0.0.1]/',
  'https://localhost/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://a.localhost/',
  // This network and unspecified.
  'https://0.0.0.0/',
  'https://0/',
  'https://[::]/',
  // Private and shared networks.
  'https://10.0.0.1/',
  'https://10.255.255.255/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://[fc00::1]/',
  'https://[fd12:3456:789a::1]/',
  'https://[::ffff:10.0.0.1]/',
  // Link-local, and the metadata services of clouds.
  'https://169.254.169.254/latest/meta-data/',
  'https://0xa9fea9fe/',
  'https://[fe80::1]/',
  'https://[::ffff:169.254.169.254]/',
  'https://[fd00:ec2::254]/',
  'https://metadata/',
  'https://metadata.google.internal/',
  // Translation and tunnels that lead to any IPv4 address.
  'https://[64:ff9b::10.0.0.1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001::1]/',
  // Documentation, benchmarking, multicast, reserved.
  'https://192.0.2.1/',
  'https://198.18.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[ff02::1]/',
]

test('there are forty-eight forms', () => {
  expect(new Set(PRIVATE_FORMS).size).toBe(48)
})

test.each(PRIVATE_FORMS)('%s is refused', (text) => {
  expect(readWebhookUrl(text, []).problem).toMatch(/not public/)
})

test.each([
  'https://your-domain.com/webhook',
  'https://your-domain.com:8443/webhook?shop=1',
  'https://your-domain.com:443/',
  'https://xn--bcher-kva.example/',
  'https://8.8.8.8/',
  'https://[2606:4700:4700::1111]/',
  'https://[::ffff:8.8.8.8]/',
  'https://172.15.255.255/',
  'https://172.32.0.1/',
  'https://100.63.255.255/',
  'https://126.255.255.255/',
])('%s is accepted without a look-up', (text) => {
  expect(readWebhookUrl(text, []).problem).toBeNull()
})

test.each([
  ['http://your-domain.com/', /https/],
  ['ftp://your-domain.com/', /https/],
  ['javascript:alert(1)', /https/],
  ['your-domain.com/webhook', /https/],
  ['https:///webhook', /public/],
  ['', /https/],
  ['https://', /https/],
  ['https://your-domain.com:22/', /ports/],
  ['https://your-domain.com:80/', /ports/],
  ['https://user@your-domain.com/', /credentials/],
  ['https://user:secret@your-domain.com/', /credentials/],
  ['https://your-domain.com/#part', /fragment/],
  ['https://your-domain.com/a b', /spaces/],
  [' https://your-domain.com/', /spaces/],
  ['https://your-\ndomain.com/', /control/],
  ['https:\\\\127.0.0.1\\', /backslashes/],
  [`https://your-domain.com/${'a'.repeat(2_048)}`, /2048 characters/],
])('%j is refused', (text, problem) => {
  expect(readWebhookUrl(text, []).problem).toMatch(problem)
})

describe('the allow-list', () => {
  test.each([
    ['http://127.0.0.1:8091/hook', ['127.0.0.1'], true],
    ['http://127.0.0.1:8091/hook', ['127.0.0.1:8091'], true],
    ['http://127.0.0.1:8091/hook', ['127.0.0.1:8092'], false],
    ['http://127.0.0.1/hook', ['127.0.0.1:80'], true],
    ['https://127.0.0.1/hook', ['127.0.0.1:443'], true],
    ['http://localhost:9/hook', ['localhost'], true],
    ['http://[::1]:9/hook', ['[::1]'], true],
    ['http://0x7f.1:9/hook', ['127.0.0.1'], true], // the same address, written otherwise
    ['http://127.0.0.2/hook', ['127.0.0.1'], false],
    ['http://evil.localhost/hook', ['localhost'], false],
    ['http://localhost.evil.com/hook', ['localhost'], false],
    ['ftp://127.0.0.1/hook', ['127.0.0.1'], false],
    ['http://user@127.0.0.1/hook', ['127.0.0.1'], false],
  ])('%s with %o is allowed: %s', (text, allowed, expected) => {
    expect(readWebhookUrl(text, allowed).problem === null).toBe(expected)
  })
})

describe('addresses that a look-up may answer', () => {
  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    'fe80::1%eth0',
    '::1::2',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::1',
    '::1.2.3.400',
  ])('%j is no address, so it is not public', (text) => {
    expect(isPublicAddress(text)).toBe(false)
  })

  const octet = fc.integer({ min: 0, max: 255 })
  const group = fc.oneof(
    fc.constantFrom(0, 1, 0xffff, 0x7f00, 0xfe80, 0x2001, 0x2002, 0x64),
    fc.integer({ min: 0, max: 0xffff }),
  )

  test('every IPv4 address is judged as ipaddr.js judges it', () => {
    fc.assert(
      fc.property(fc.array(octet, { minLength: 4, maxLength: 4 }), (octets) => {
        const text = octets.join('.')
        expect(isPublicAddress(text)).toBe(ipaddr.process(text).range() === 'unicast')
      }),
      { numRuns: 3_000 },
    )
  })

  test('every first half of IPv4 and every edge of a range is judged as ipaddr.js judges it', () => {
    const differing: string[] = []
    for (let first = 0; first < 65_536; first++) {
      for (const rest of ['0.0', '2.1', '99.1', '113.7', '100.200', '255.255']) {
        const text = `${first >> 8}.${first & 255}.${rest}`
        if (isPublicAddress(text) !== (ipaddr.IPv4.parse(text).range() === 'unicast'))
          differing.push(text)
      }
    }
    expect(differing).toEqual([])
  })

  test('every IPv6 address in 2000::/3 is judged as ipaddr.js judges it, all others are refused', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((each) => each.toString(16)).join(':')
        const address = ipaddr.process(text)
        const inGlobal = address.kind() === 'ipv4' || (groups[0] ?? 0) >> 13 === 1
        expect(isPublicAddress(text)).toBe(inGlobal && address.range() === 'unicast')
      }),
      { numRuns: 5_000 },
    )
  })

  test('the compressed text of an IPv6 address is judged like the full one', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const full = groups.map((each) => each.toString(16)).join(':')
        expect(isPublicAddress(ipaddr.parse(full).toString())).toBe(isPublicAddress(full))
      }),
      { numRuns: 2_000 },
    )
  })
})
