import type { SealedCode } from '../db/new-codes.ts'
import type { AccountKeys, KeyRing } from '../key-ring.ts'
import { newId } from '../new-id.ts'
import { blindIndex, lastFour } from '../vault.ts'
import type { SoldCode } from './gateways/code-supplier.ts'

/** What new codes of an account are sealed and recognized with. */
export type CodeKeys = { account: AccountKeys; blindIndex: Buffer }

/** Gets the keys first, so that nothing can fail between a supplier's answer and its sealing. */
export async function openCodeKeys(
  keys: { ring: KeyRing; blindIndex: Buffer },
  accountId: string,
): Promise<CodeKeys> {
  return { account: await keys.ring.forSealing(accountId), blindIndex: keys.blindIndex }
}

/** Encrypts a code for a row of its own. From here on the plain text is gone until get-codes. */
export function sealCode(
  keys: CodeKeys,
  mode: 'live' | 'test',
  { type, secret, expiresAt }: Omit<SoldCode, 'cost'>,
): SealedCode {
  const id = newId('code')
  return {
    id,
    type,
    ...keys.account.seal(id, JSON.stringify(secret)),
    blindIndex: blindIndex(keys.blindIndex, mode, secret),
    last4: lastFour(secret),
    expiresAt,
  }
}
