import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from '@hono/zod-openapi'
import { inTransaction, sqlState, type Tx } from '../../db/client.ts'
import {
  claimIdempotencyKey,
  updateIdempotencyAnswer,
  type IdempotencyClaim,
  type IdempotencyScope,
  type SealedAnswer,
  answerRowId,
} from '../../db/idempotency.ts'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { DomainError } from '../../domain/error.ts'
import type { AccountKeys } from '../../secrets/key-ring.ts'
import type { ApiDeps } from '../deps.ts'
import type { Printed, RawCall } from '../route.ts'

/** Runs the work of a POST once per `Idempotency-Key`, in one transaction with the key. */
export type RunOnce = (
  call: RawCall & { operationId: string; forEver: boolean },
  work: (tx: Tx) => Promise<Printed>,
) => Promise<Printed>

const WAIT_MS_MAX = 2_000
const RETRY_AFTER_SECONDS = 1

/**
 * The validated header, or null.
 *
 * @throws DomainError `invalid_parameter`
 */
export function readIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null
  if (/^[\x20-\x7e]{1,255}$/.test(header) && header.trim() !== '') return header
  throw new DomainError('invalid_parameter', 'The Idempotency-Key header cannot be used.', {
    fields: [{ field: 'Idempotency-Key', message: 'Must be 1 to 255 printable ASCII characters' }],
  })
}

/** What was asked under a key and answered; or that it was refused, or is at work elsewhere. */
type Outcome = { fingerprint: Buffer; printed: Printed } | 'refused' | 'still running'

/**
 * A duplicate waits up to two seconds for the first one and repeats its answer: inside this process
 * without a connection, over processes on the key's row. Only 2xx are kept: a refusal throws, and
 * its key goes with the rest of the transaction.
 */
export function createRunOnce(deps: ApiDeps): RunOnce {
  const inFlight = new Map<string, Promise<Outcome>>()

  async function join(name: string, fingerprint: Buffer): Promise<Printed | null> {
    const deadlineMs = performance.now() + WAIT_MS_MAX
    for (let first = inFlight.get(name); first !== undefined; first = inFlight.get(name)) {
      const leftMs = Math.max(0, deadlineMs - performance.now())
      const outcome = await Promise.race([first, delay(leftMs, undefined, { ref: false })])
      if (outcome === undefined || outcome === 'still running') throw stillRunning()
      // A refused request leaves nothing to repeat: the next in line tries itself.
      if (outcome !== 'refused') return repeat(outcome.printed, outcome.fingerprint, fingerprint)
    }
    return null
  }

  return async (call, work) => {
    const { caller, idempotencyKey } = call
    if (caller === null || idempotencyKey === null) return inTransaction(deps.database.db, work)
    const scope: IdempotencyScope = {
      accountId: caller.accountId,
      customerScope: caller.customerId ?? '',
      operation: call.operationId,
      key: idempotencyKey,
    }
    const name = JSON.stringify(scope)
    const fingerprint = fingerprintOf(call)
    const joined = await join(name, fingerprint)
    if (joined !== null) return joined
    const claiming = { scope, fingerprint, forEver: call.forEver }
    const running = runClaimed(deps, claiming, work)
    inFlight.set(
      name,
      running.then((printed) => ({ fingerprint, printed }), outcomeOfFailure),
    )
    try {
      return await running
    } finally {
      inFlight.delete(name)
    }
  }
}

async function runClaimed(
  { database, keyRing }: ApiDeps,
  { scope, fingerprint, forEver }: Claiming,
  work: (tx: Tx) => Promise<Printed>,
): Promise<Printed> {
  // Before the transaction: inside of it, it would wait for a second connection.
  const keys = await keyRing.forSealing(scope.accountId)
  const result = await inTransaction(database.db, async (tx) => {
    const found = await claim(tx, { scope, fingerprint, forEver })
    if (found.outcome === 'seen') return found
    const printed = await work(tx)
    await updateIdempotencyAnswer(tx, scope, sealAnswer(keys, scope, printed))
    return { outcome: 'done', printed } as const
  })
  return result.outcome === 'done' ? result.printed : replay(keyRing, scope, fingerprint, result)
}

function outcomeOfFailure(error: unknown): Outcome {
  const isHeld = error instanceof DomainError && error.reason === 'idempotency_in_flight'
  return isHeld ? 'still running' : 'refused'
}

/** The first answer once more, if the first request asked for the same. */
function repeat(printed: Printed, first: Buffer, now: Buffer): Printed {
  if (!first.equals(now)) {
    throw new DomainError(
      'idempotency_key_reuse',
      'This Idempotency-Key was used for a request with another content.',
    )
  }
  return { ...printed, headers: { ...printed.headers, 'Idempotent-Replayed': 'true' } }
}

/** `forEver`: the key is never forgotten, because what it does moves money. */
type Claiming = { scope: IdempotencyScope; fingerprint: Buffer; forEver: boolean }

async function claim(tx: Tx, { scope, fingerprint, forEver }: Claiming) {
  try {
    return await claimIdempotencyKey(tx, scope, fingerprint, forEver)
  } catch (error) {
    throw sqlState(error) === '55P03' ? stillRunning() : error
  }
}

function stillRunning(): DomainError {
  return new DomainError('idempotency_in_flight', 'The first request with this key still runs.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}

async function replay(
  keyRing: ApiDeps['keyRing'],
  scope: IdempotencyScope,
  fingerprint: Buffer,
  seen: Extract<IdempotencyClaim, { outcome: 'seen' }>,
): Promise<Printed> {
  if (seen.answer === null) throw new Error('A kept idempotency key has no answer')
  const keys = await keyRing.forOpening(scope.accountId, [seen.answer.keyVersion])
  return repeat(unsealAnswer(keys, scope, seen.answer), seen.fingerprint, fingerprint)
}

/** Path ids, query and body by meaning: spaces and the order of keys do not matter. */
function fingerprintOf(call: RawCall): Buffer {
  const content = canonicalJson([call.params, call.query, call.body ?? null])
  return createHash('sha256').update(content).digest()
}

const storedAnswer = z.object({
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string().nullable(),
})

/** A stored answer may hold a secret that is shown once, so it is sealed. */
function sealAnswer(keys: AccountKeys, scope: IdempotencyScope, printed: Printed): SealedAnswer {
  return keys.seal(answerRowId(scope), JSON.stringify(storedAnswer.parse(printed)))
}

function unsealAnswer(keys: AccountKeys, scope: IdempotencyScope, answer: SealedAnswer): Printed {
  const plain = keys.unseal({ rowId: answerRowId(scope), ...answer })
  return storedAnswer.parse(JSON.parse(plain))
}
