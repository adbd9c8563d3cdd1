import { expect, test } from 'vitest'
import { standardKeys, toStandardSecret } from '../../domain/webhook-secret.ts'

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64')

test('a plain secret is handed out as whsec_ and the base64 of its bytes', () => {
  expect(toStandardSecret('your_webhook_secret')).toBe('whsec_eW91cl93ZWJob29rX3NlY3JldA==')
  expect(standardKeys('your_webhook_secret')).toEqual([base64('your_webhook_secret')])
})

test('a secret with umlauts and emoji is its UTF-8 bytes', () => {
  expect(toStandardSecret('Schlüssel-für-🦊-alle')).toBe(`whsec_${base64('Schlüssel-für-🦊-alle')}`)
})

test('a secret of the whsec_ form stands for its bytes, and for its text', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  expect(toStandardSecret(secret)).toBe(secret)
  expect(standardKeys(secret)).toEqual(['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', base64(secret)])
})

test.each(['whsec_not base64 at all!', 'whsec_abc', 'whsec_MfKQ9r8GKYqrTwjU='])(
  '%s only looks like that form',
  (secret) => {
    expect(toStandardSecret(secret)).toBe(`whsec_${base64(secret)}`)
    expect(standardKeys(secret)).toEqual([base64(secret)])
  },
)
