import { importCodeFile } from './codes-import.ts'
import { showCodeStock, showQuarantined } from './codes-report.ts'
import { UsageError, type CommandContext } from './command.ts'

export const help = `bark codes import FILE [--account acc_…]
  Puts codes into the own pool: all of them, or none when one line is bad. Bad lines are listed by
  number. Orders that wait for these products are woken, oldest first.
  --account   the account; the running sandbox's when left out
The first line names the columns: sku, code, pin, serial, url, expires_at, activation_at, face_value,
redeem_instructions (sku and code or url are needed). A file that ends in .jsonl or .ndjson has one JSON
object with these names on each line instead. expires_at is an RFC 3339 instant, or a date, then good
to the end of that day in UTC; what expires too soon is refused (see docs/suppliers.md).

bark codes stock
  By SKU: codes that can be sold, how old they are, and how many expire within 7 and 30 days.

bark codes quarantined
  Codes that were paid for and are given to nobody, with the reason and the supplier's reference.`

const VERBS: Readonly<
  Record<string, (args: string[], context: CommandContext) => Promise<number>>
> = {
  import: importCodeFile,
  stock: showCodeStock,
  quarantined: showQuarantined,
}

/** The exit code is the verb's. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const [name = '', ...rest] = args
  const verb = VERBS[name]
  if (verb === undefined) {
    throw new UsageError(`bark codes knows these things to do: ${Object.keys(VERBS).join(', ')}`)
  }
  return verb(rest, context)
}
