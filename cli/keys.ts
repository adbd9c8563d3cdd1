import { SCOPES } from '../domain/scope.ts'
import { UsageError, type CommandContext } from './command.ts'
import { createKey } from './keys-create.ts'
import { listKeys } from './keys-list.ts'
import { rotateEncryption } from './keys-rotate.ts'

export const help = `bark keys create [--customer cust_…] [--scopes LIST] [--name TEXT] [--account acc_…]
  Makes an API key and prints it, once: only its hash is kept. It is good for 90 days.
  --customer  a key that sees and orders for this customer only
  --scopes    separated by commas; without it a customer's key may order and read what is its own,
              and an account's key may do everything but orders:price_override
  --name      what people call it (default "Command line")
  --account   the account; the running sandbox's when left out
Scopes: ${SCOPES.join(', ')}
Only the key goes to standard output. Exit code 0, or 1 when no key was made.

bark keys list [--account acc_…]
  The account's keys: the last four characters, until when they are good, and when and from which
  address each was last used (to the minute). A key that nobody has used for long can be revoked.

bark keys rotate-encryption
  Wraps the data keys of all accounts with the current CODE_ENCRYPTION_KEY, gives each account a new
  data key, and seals codes, webhook secrets and stored answers anew while orders go on. Safe to stop
  and to run again: it goes on where it was. Exit code 1 when something could not be read.`

type Verb = (args: string[], context: CommandContext) => Promise<number>

const VERBS: Readonly<Record<string, Verb>> = {
  create: createKey,
  list: listKeys,
  'rotate-encryption': rotateEncryption,
}

/** The exit code is the verb's. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const [name = '', ...rest] = args
  const verb = VERBS[name]
  if (verb === undefined) {
    throw new UsageError(`bark keys knows these things to do: ${Object.keys(VERBS).join(', ')}`)
  }
  return verb(rest, context)
}
