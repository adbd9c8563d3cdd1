import type { SealedCode } from '../db/new-codes.ts'
import type { AccountKeys, KeyRing } from './key-ring.ts'
import { newId } from '../new-id.ts'
import { blindIndex, lastFour, openKey, type CodeSecret, type VaultKey } from './vault.ts'

/** What new codes of an account are sealed and recognized with. */
export type CodeKeys = { account: AccountKeys; blindIndex: VaultKey }

/** A code in the clear, as it was bought or read from a file. */
export type PlainCode = {
  type: 'code' | 'code_pin' | 'url'
  secret: CodeSecret
} & CodeDetails

/** What is said beside a secret; most codes say nothing. */
export type CodeDetails = {
  expiresAt: Date | null
  activationAt: Date | null
  faceValue: string | null
  /** Sealed like the secret: some suppliers repeat the code in them. */
  redeemInstructions: string | null
}

export const NO_CODE_DETAILS: CodeDetails = {
  expiresAt: null,
  activationAt: null,
  faceValue: null,
  redeemInstructions: null,
}

/** Gets the keys first, so that nothing can fail between a supplier's answer and its sealing. */
export async function openCodeKeys(
  keys: { ring: KeyRing; blindIndex: Buffer },
  accountId: string,
): Promise<CodeKeys> {
  const account = await keys.ring.forSealing(accountId)
  return { account, blindIndex: openKey(keys.blindIndex) }
}

/** Encrypts a code for a row of its own. From here on the plain text is gone until get-codes. */
export function sealCode(
  keys: CodeKeys,
  mode: 'live' | 'test',
  { type, secret, expiresAt, activationAt, faceValue, redeemInstructions }: PlainCode,
): SealedCode {
  const id = newId('code')
  const content = { ...secret, redeem_instructions: redeemInstructions ?? undefined }
  return {
    id,
    type,
    ...keys.account.seal(id, JSON.stringify(content)),
    blindIndex: blindIndex(keys.blindIndex, mode, secret),
    last4: lastFour(secret),
    expiresAt,
    activationAt,
    faceValue,
  }
}

/** A row of a file as a code. */
export function plainCode(
  row: Omit<PlainCode, 'expiresAt' | 'activationAt'> & {
    expiresAtMs: number | null
    activationAtMs: number | null
  },
): PlainCode {
  const { type, secret, faceValue, redeemInstructions } = row
  return {
    type,
    secret,
    expiresAt: instantOf(row.expiresAtMs),
    activationAt: instantOf(row.activationAtMs),
    faceValue,
    redeemInstructions,
  }
}

function instantOf(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}
