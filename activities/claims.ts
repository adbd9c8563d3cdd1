import { inTransaction, type Tx } from '../db/client.ts'
import {
  findClaimedCode,
  lockClaim,
  rejectClaim,
  replaceClaimed,
  updateClaimAsked,
  type ClaimKey,
  type ClaimRow,
} from '../db/claims.ts'
import { refundClaim } from '../db/claim-refunds.ts'
import { insertNewCodes, type NewCode } from '../db/new-codes.ts'
import { insertOperatorDecision, isDecided } from '../db/operator-decisions.ts'
import { endSupplierCall, takeSupplierCall } from '../db/supplier-calls.ts'
import { getSupplierAccess, type SupplierConnection } from '../db/suppliers.ts'
import { getAccountNow } from '../db/accounts.ts'
import { registerWait } from '../db/waits.ts'
import { nextClaimSeconds, type ClaimState } from '../domain/claim.ts'
import type { RegisteredWait } from '../domain/story.ts'
import { newId } from '../new-id.ts'
import { openCodeKeys, sealCode, type CodeKeys } from '../secrets/seal-code.ts'
import type { SupplierClaim, SupplierClaimResult } from './gateways/code-supplier.ts'
import type { ActivityDeps } from './deps.ts'

/** Beyond the supplier's own time for a call: nobody else asks meanwhile. */
const GRACE_SECONDS = 10

/** How a claim stands. `dueAt` null in the wait: a person decides. */
export type ClaimLook =
  { state: Exclude<ClaimState, 'open'> } | { state: 'open'; waiting: RegisteredWait }

/** What an operator hears; nothing was written when it is not accepted. */
type Decided = { accepted: boolean; effect: string }

const DISPUTED = 'a payment of the order is disputed: the bank may give the money back'

type ClaimCall = {
  claim: SupplierClaim
  supplierId: string
  callId: string
  connection: SupplierConnection
  mode: 'live' | 'test'
  now: Date
}

export function claimActivities(deps: ActivityDeps) {
  const { db } = deps.database
  return {
    /**
     * Asks the supplier of a claimed code when it is time, does what it says, and answers how the
     * claim stands; the wait is registered. Safe to run twice: the supplier hears one claim under one
     * id, and what its answer means is done only while the claim is open.
     */
    async askAboutClaim(input: ClaimKey): Promise<ClaimLook> {
      const next = await inTransaction(db, (tx) => prepare(tx, input))
      if (!('call' in next)) return next
      const { call } = next
      // Before the call, so that nothing can fail between an answer and its sealing.
      const keys = await openCodeKeys(deps.keys, input.accountId)
      const supplier = await deps.suppliers(call.connection)
      const result = await supplier.claim(call.claim, { now: call.now })
      deps.log.info(
        { claim: input.claimId, supplier_id: call.supplierId, said: result.said },
        'supplier_claim_asked',
      )
      return inTransaction(db, async (tx) => {
        const look = await record(tx, input, { call, keys }, result)
        const said = { id: call.callId, reached: result.reached, said: result.said }
        await endSupplierCall(tx, { accountId: input.accountId, supplierId: call.supplierId }, said)
        return look
      })
    },

    /** Writes and does what an operator decided about a claim. Key: the Update's id. */
    async decideClaim(
      input: ClaimKey & { verb: 'replace' | 'refund' | 'reject'; key: string; note?: string },
    ): Promise<Decided> {
      return inTransaction(db, async (tx) => {
        const claim = await lockClaim(tx, input)
        const { accountId, claimId: storyId, key, verb, note } = input
        if (await isDecided(tx, { storyId, key })) {
          return { accepted: true, effect: 'This was decided already.' }
        }
        if (claim.state !== 'open') {
          return { accepted: false, effect: `The claim is ${claim.state} already.` }
        }
        const decided = await decide(tx, claim, verb)
        if (decided.accepted) {
          await insertOperatorDecision(tx, { accountId, storyId, key, verb, note })
        }
        return decided
      })
    },
  }
}

/** What comes next for a claim: a call, or nothing for now. */
async function prepare(tx: Tx, input: ClaimKey): Promise<ClaimLook | { call: ClaimCall }> {
  const claim = await lockClaim(tx, input)
  if (claim.state !== 'open') return { state: claim.state }
  const account = await getAccountNow(tx, input.accountId)
  const code = await findClaimedCode(tx, claim)
  if (code === null || claim.ask_at === null || claim.ask_at > account.now) return wait(tx, claim)
  const supplier = await getSupplierAccess(tx, input.accountId, code.supplierId)
  const key = { accountId: input.accountId, supplierId: code.supplierId }
  const leave = await takeSupplierCall(tx, key, supplier.callSecondsMax + GRACE_SECONDS)
  if ('why' in leave) {
    return wait(tx, claim, new Date(account.now.getTime() + leave.holdSeconds * 1000))
  }
  return {
    call: {
      claim: { claim: claim.id, reference: code.reference, reason: claim.reason },
      supplierId: code.supplierId,
      callId: leave.callId,
      connection: supplier.connection,
      mode: account.mode,
      now: account.now,
    },
  }
}

/** Does what the supplier's answer means. */
async function record(
  tx: Tx,
  input: ClaimKey,
  { call, keys }: { call: ClaimCall; keys: CodeKeys },
  result: SupplierClaimResult,
): Promise<ClaimLook> {
  const claim = await lockClaim(tx, input)
  if (claim.state !== 'open') return { state: claim.state }
  const { said } = result
  switch (result.state) {
    case 'replaced':
      return useReplacement(tx, claim, { call, keys }, result)
    case 'refunded':
      if (await refundClaim(tx, claim)) return { state: 'refunded' }
      return leaveToPerson(tx, claim, `${said}, and ${DISPUTED}`)
    case 'rejected':
    case 'unsupported':
      return leaveToPerson(tx, claim, said)
    case 'processing':
    case 'unknown': {
      const seconds = nextClaimSeconds({
        tries: claim.tries + 1,
        openForSeconds: (call.now.getTime() - claim.opened_at.getTime()) / 1000,
        retryAfterSeconds: result.retryAfterSeconds,
      })
      if (seconds === null) return leaveToPerson(tx, claim, said)
      const askAt = new Date(call.now.getTime() + seconds * 1000)
      await updateClaimAsked(tx, claim, { said, askAt })
      return wait(tx, { ...claim, ask_at: askAt, last_answer: said })
    }
  }
}

/** Stores the supplier's other code and gives it to a unit that replaces the claimed one. */
async function useReplacement(
  tx: Tx,
  claim: ClaimRow,
  { call, keys }: { call: ClaimCall; keys: CodeKeys },
  result: SupplierClaimResult & { state: 'replaced' },
): Promise<ClaimLook> {
  const code = sealCode(keys, call.mode, result.code)
  const supply = { supplierId: call.supplierId, reference: `claim:${claim.id}`, cost: null }
  const product = await getUnitProduct(tx, claim)
  const codes: NewCode[] = [{ code, ...product, supply, place: 'pool' }]
  const stored = await insertNewCodes(tx, claim.account_id, codes, call.now)
  const unit = { unitId: newId('unit'), codeId: code.id }
  if (stored.has(code.id) && (await replaceClaimed(tx, claim, unit))) return { state: 'replaced' }
  return leaveToPerson(tx, claim, `${result.said}, with a code that is stored already`)
}

async function leaveToPerson(tx: Tx, claim: ClaimRow, said: string): Promise<ClaimLook> {
  await updateClaimAsked(tx, claim, { said, askAt: null })
  return wait(tx, { ...claim, ask_at: null, last_answer: said })
}

async function wait(tx: Tx, claim: ClaimRow, notBefore: Date | null = null): Promise<ClaimLook> {
  const last = claim.last_answer === null ? '' : `; last answer: ${claim.last_answer}`
  const waiting = await registerWait(tx, {
    accountId: claim.account_id,
    storyId: claim.id,
    workflow: 'resolveClaim',
    subject: {
      claim_id: claim.id,
      transaction_id: claim.transaction_id,
      customer_id: claim.customer_id,
      unit_id: claim.unit_id,
    },
    dueAt: notBefore ?? claim.ask_at,
    needsPerson: claim.ask_at === null,
    reason:
      claim.ask_at === null
        ? `replace, refund or reject the code of ${claim.unit_id}${last}`
        : `the supplier looks into the code of ${claim.unit_id}${last}`,
  })
  return { state: 'open', waiting }
}

async function getUnitProduct(
  tx: Tx,
  claim: ClaimRow,
): Promise<{ productId: string; variantId: string }> {
  return tx
    .selectFrom('units')
    .select(['product_id as productId', 'variant_id as variantId'])
    .where('account_id', '=', claim.account_id)
    .where('id', '=', claim.unit_id)
    .executeTakeFirstOrThrow()
}

async function decide(
  tx: Tx,
  claim: ClaimRow,
  verb: 'replace' | 'refund' | 'reject',
): Promise<Decided> {
  switch (verb) {
    case 'replace': {
      const accepted = await replaceClaimed(tx, claim, { unitId: newId('unit'), codeId: null })
      return accepted
        ? { accepted, effect: 'The buyer has another code from the own pool.' }
        : { accepted, effect: 'The own pool has no code: import one, or refund.' }
    }
    case 'refund': {
      const accepted = await refundClaim(tx, claim)
      return accepted
        ? { accepted, effect: 'The unit is reversed; what was paid or billed for it goes back.' }
        : { accepted, effect: `Not now: ${DISPUTED}.` }
    }
    case 'reject':
      await rejectClaim(tx, claim)
      return { accepted: true, effect: 'The claim ends; nothing changes for the unit.' }
  }
}
