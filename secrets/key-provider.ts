import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

/** A data key as it is kept: encrypted, with the name of the key that did it. */
export type WrappedKey = { keyId: string; wrapped: Buffer }

/**
 * Where the key-encryption keys are. Data keys go in and come out wrapped; the key-encryption keys
 * themselves never leave it. The local one keeps them in memory; a key-management service is another
 * implementation with the same three verbs.
 */
export type KeyProvider = {
  /** The name of the key that wraps today. */
  currentId: string
  /** Encrypts a data key of 32 bytes, bound to its place. */
  wrap(dataKey: Buffer, place: DataKeyPlace): Promise<WrappedKey>
  /** Throws when the key is unknown, or a byte or the place differs. */
  unwrap(key: WrappedKey, place: DataKeyPlace): Promise<Buffer>
  /** Keys under which rows may be sealed directly, from before data keys existed; newest first. */
  directKeys(): readonly Buffer[]
}

export type DataKeyPlace = { accountId: string; version: number }

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Key-encryption keys of 32 bytes from the environment or a file. `former` ones only open what they
 * wrapped: they are needed until `bark keys rotate-encryption` has run.
 */
export function createLocalKeyProvider(keys: {
  current: Buffer
  former: readonly Buffer[]
}): KeyProvider {
  const all = [keys.current, ...keys.former]
  const byId = new Map(all.map((key) => [fingerprint(key), key]))
  const currentId = fingerprint(keys.current)
  return {
    currentId,
    async wrap(dataKey, place) {
      const nonce = randomBytes(NONCE_BYTES)
      const options = { authTagLength: TAG_BYTES }
      const cipher = createCipheriv('aes-256-gcm', keys.current, nonce, options)
      cipher.setAAD(boundTo(place))
      const wrapped = Buffer.concat([
        nonce,
        cipher.update(dataKey),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return { keyId: currentId, wrapped }
    },
    async unwrap({ keyId, wrapped }, place) {
      const key = byId.get(keyId)
      if (key === undefined) {
        throw new Error(
          `The data key ${place.version} of ${place.accountId} was wrapped by the key-encryption key ${keyId}, which is not given`,
        )
      }
      const nonce = wrapped.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(boundTo(place))
      decipher.setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES))
      const body = wrapped.subarray(NONCE_BYTES, wrapped.length - TAG_BYTES)
      return Buffer.concat([decipher.update(body), decipher.final()])
    },
    directKeys: () => all,
  }
}

/** Names a key without saying anything about it. */
function fingerprint(key: Buffer): string {
  return createHash('sha256').update('bark key\n').update(key).digest('hex').slice(0, 16)
}

function boundTo({ accountId, version }: DataKeyPlace): Buffer {
  return Buffer.from(JSON.stringify(['data key', accountId, version]))
}
