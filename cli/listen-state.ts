import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'

/** What `bark webhooks listen` keeps over its runs. */
export type ListenState = {
  /** The same in every run, so that it is copied into a receiver's settings once. */
  readonly secret: string
  /** Where the walk goes on; null before the first page. */
  readonly cursor: string | null
  /** Whether an event after the cursor was forwarded already. */
  hasForwarded(eventId: string): boolean
  keepForwarded(eventId: string): void
  /** Everything before the cursor was forwarded. */
  keepCursor(cursor: string): void
}

const fileShape = z.strictObject({
  secret: z.string(),
  /** One place per account and target. */
  places: z.record(
    z.string(),
    z.strictObject({ cursor: z.string().nullable(), forwarded: z.array(z.string()) }),
  ),
})

const SECRET_BYTES = 24

/**
 * Opens the file, or begins it with a new secret. `place` names whose events go where. The file is for
 * its owner only, and is replaced as a whole, so that no crash leaves half of it.
 */
export function openListenState(file: string, place: string): ListenState {
  const kept = read(file)
  const here = kept.places[place] ?? { cursor: null, forwarded: [] }
  const save = (fresh: typeof here) => {
    Object.assign(here, fresh)
    write(file, { ...kept, places: { ...kept.places, [place]: here } })
  }
  save(here)
  return {
    secret: kept.secret,
    get cursor() {
      return here.cursor
    },
    hasForwarded: (eventId) => here.forwarded.includes(eventId),
    keepForwarded: (eventId) => save({ ...here, forwarded: [...here.forwarded, eventId] }),
    keepCursor(cursor) {
      if (cursor !== here.cursor) save({ cursor, forwarded: [] })
    },
  }
}

type Kept = z.output<typeof fileShape>

function read(file: string): Kept {
  if (!existsSync(file)) {
    return { secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`, places: {} }
  }
  const parsed = fileShape.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (parsed.success) return parsed.data
  throw new Error(`${file} is not what bark webhooks listen writes: remove it`)
}

function write(file: string, kept: Kept): void {
  mkdirSync(dirname(file), { recursive: true })
  const fresh = `${file}.new`
  writeFileSync(fresh, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}
