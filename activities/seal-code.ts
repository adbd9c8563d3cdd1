import type { SealedCode } from '../db/new-codes.ts'
import { newId } from '../new-id.ts'
import { blindIndex, KEY_VERSION, lastFour, seal } from '../vault.ts'
import type { SoldCode } from './gateways/code-supplier.ts'

/** Encrypts a code for a row of its own. From here on the plain text is gone until get-codes. */
export function sealCode(
  keys: { codes: Buffer; blindIndex: Buffer },
  account: { id: string; mode: 'live' | 'test' },
  { type, secret, expiresAt }: Omit<SoldCode, 'cost'>,
): SealedCode {
  const id = newId('code')
  return {
    id,
    type,
    sealed: seal(keys.codes, JSON.stringify(secret), {
      accountId: account.id,
      rowId: id,
      keyVersion: KEY_VERSION,
    }),
    keyVersion: KEY_VERSION,
    blindIndex: blindIndex(keys.blindIndex, account.mode, secret),
    last4: lastFour(secret),
    expiresAt,
  }
}
