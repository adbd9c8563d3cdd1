import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { createLocalKeyProvider } from '../secrets/key-provider.ts'
import { createKeyRing, type KeyRing } from '../secrets/key-ring.ts'

/** What a command seals codes with. */
export function openKeys(
  { db }: Pick<Database, 'db'>,
  { keys }: Pick<Config, 'keys'>,
): { ring: KeyRing; blindIndex: Buffer } {
  const provider = createLocalKeyProvider(keys.encryption)
  return { ring: createKeyRing(db, provider), blindIndex: keys.blindIndex }
}
