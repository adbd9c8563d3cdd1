import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto'

/**
 * Encryption at rest of bearer secrets: codes, webhook secrets, stored answers. AES-256-GCM with a
 * fresh 12-byte nonce; layout: nonce, ciphertext, 16-byte tag. The additional data binds a value to
 * its account, row and key version, so that a sealed value moved to another row does not open.
 */

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A key ready for use: opened once, it costs a quarter of what a key of bytes costs at each use. */
export type VaultKey = KeyObject

export function openKey(bytes: Buffer): VaultKey {
  return createSecretKey(bytes)
}

export type SealedFor = { accountId: string; rowId: string; keyVersion: number }

export type CodeSecret = {
  code: string | null
  pin: string | null
  serial: string | null
  url: string | null
}

/** Encrypts `plain` for one row. `key` is of 32 bytes. */
export function seal(key: VaultKey, plain: string, sealedFor: SealedFor): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(additionalData(sealedFor))
  return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** Decrypts; throws when a byte, the row, the account or the key version differs. */
export function unseal(key: VaultKey, sealed: Buffer, sealedFor: SealedFor): string {
  if (sealed.length <= NONCE_BYTES + TAG_BYTES) throw new Error('A sealed value is too short')
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(additionalData(sealedFor))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const body = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)
  return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
}

/**
 * Finds a secret again without reading it: HMAC-SHA256 under a key of its own. The mode is part of
 * it, so that a test account may hold the same text as a live one, and nothing else is: a secret
 * is sold once over all accounts of a mode.
 */
export function blindIndex(key: VaultKey, mode: 'live' | 'test', secret: CodeSecret): Buffer {
  const parts = [mode, secret.code, secret.pin, secret.url].map((part) => part ?? '')
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest()
}

/** What may be shown of a secret outside get-codes: its last four characters, if it is long enough. */
export function lastFour(secret: CodeSecret): string {
  const text = secret.code ?? secret.url ?? secret.pin ?? ''
  return text.length >= 8 ? text.slice(-4) : ''
}

function additionalData(sealedFor: SealedFor): Buffer {
  return Buffer.from(JSON.stringify([sealedFor.accountId, sealedFor.rowId, sealedFor.keyVersion]))
}
