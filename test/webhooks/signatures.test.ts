import { createHmac, timingSafeEqual } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { signatureHeaders } from '../../activities/webhook-signatures.ts'
import { toStandardSecret } from '../../domain/webhook-secret.ts'
import fixtures from '../../sdk/fixtures/webhook-signatures.json' with { type: 'json' }

/** What `docs/webhooks.md` tells merchants to do with the raw body. */
function isSigned(body: string, header: string, secret: string): boolean {
  const right = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'))
  const given = Buffer.from(header)
  return given.length === right.length && timingSafeEqual(given, right)
}

function isStandard(body: string, headers: Record<string, string>, secret: string): boolean {
  try {
    new Webhook(toStandardSecret(secret)).verifyAgainstTime(body, headers)
    return true
  } catch {
    return false
  }
}
