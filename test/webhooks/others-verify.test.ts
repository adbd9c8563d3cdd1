import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signatureHeaders } from '../../activities/webhook-signatures.ts'
import { toStandardSecret } from '../../domain/webhook-secret.ts'
import { seedOfRun } from '../faults/random.ts'

/**
 * What we sign is verified by programs that we did not write: Python's hmac and openssl, on the raw
 * bytes. `signatures.test.ts` does the same with the standardwebhooks package.
 */

const PAYLOADS = 1_200

type Signed = {
  body: string
  secret: string
  standard_secret: string
  id: string
  timestamp: string
  hex: string
  standard: string
}

const body = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary', maxLength: 2_000 }),
  fc.string({ unit: 'grapheme', maxLength: 500 }),
)
const secret = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', minLength: 16, maxLength: 64 }),
  fc
    .uint8Array({ minLength: 24, maxLength: 24 })
    .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`),
)

function sign(text: string, key: string, n: number): Signed {
  const message = { eventId: `evt_${n}`, timestampSeconds: 1_790_000_000 + n, body: text }
  const headers = signatureHeaders(message, { secrets: [key], signsWith: 'old' })
  return {
    body: Buffer.from(text, 'utf8').toString('base64'),
    secret: key,
    standard_secret: toStandardSecret(key),
    id: message.eventId,
    timestamp: headers['webhook-timestamp'] ?? '',
    hex: headers['x-webhook-signature'] ?? '',
    standard: headers['webhook-signature'] ?? '',
  }
}

const seed = seedOfRun()
const signed = fc
  .sample(fc.tuple(body, secret), { numRuns: PAYLOADS, seed })
  .map(([text, key], n) => sign(text, key, n))

/** Reads one JSON per line; says for each whether it verifies, also tampered with and stale. */
const PYTHON = `
import base64, hashlib, hmac, json, sys
def legacy(m, body):
    right = hmac.new(m["secret"].encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right, m["hex"])
def standard(m, body, now):
    if abs(now - int(m["timestamp"])) > 300: return False
    key = base64.b64decode(m["standard_secret"].removeprefix("whsec_"))
    text = m["id"].encode() + b"." + m["timestamp"].encode() + b"." + body
    right = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(right, each) for each in m["standard"].split(" "))
for line in sys.stdin:
    m = json.loads(line)
    body, now = base64.b64decode(m["body"]), int(m["timestamp"])
    other = bytes([body[0] ^ 1]) + body[1:] if body else b"!"
    print(json.dumps([legacy(m, body), standard(m, body, now),
        legacy(m, body + b" "), standard(m, body + b" ", now), standard(m, other, now),
        standard(m, body, now + 301), standard(m, body, now - 301)]))
`

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython) process.stdout.write('python3 is not installed: its hmac verifies nothing here\n')

test.skipIf(!hasPython)(
  `Python's hmac verifies ${PAYLOADS} random bodies, and nothing else (seed ${seed})`,
  () => {
    const input = signed.map((each) => JSON.stringify(each)).join('\n')
    const output = execFileSync('python3', ['-c', PYTHON], { input, encoding: 'utf8' })
    const verdicts = output.trim().split('\n')
    expect(verdicts).toHaveLength(PAYLOADS)
    expect(new Set(verdicts)).toEqual(new Set(['[true, true, false, false, false, false, false]']))
  },
)

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenssl) process.stdout.write('openssl is not installed: it verifies nothing here\n')

test.skipIf(!hasOpenssl)(
  'openssl says the same of the raw bytes, in one call for each secret',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'bark-openssl-'))
    try {
      const key = 'a secret of the merchant'
      const all = signed.slice(0, 300).map(({ body: bytes }, n) => {
        const text = Buffer.from(bytes, 'base64').toString('utf8')
        const file = join(folder, `${n}`)
        writeFileSync(file, text)
        return { file, hex: sign(text, key, n).hex }
      })
      const output = execFileSync(
        'openssl',
        ['dgst', '-sha256', '-hmac', key, '-r', ...all.map(({ file }) => file)],
        { encoding: 'utf8' },
      )
      const digests = output
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0])
      expect(digests).toEqual(all.map(({ hex }) => hex))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
