import { sql } from 'kysely'
import type { Db } from './client.ts'

/** How an account's orders wait for codes, in seconds. */
export type FulfillmentSettings = {
  /** After its acceptance, unless the order says otherwise. */
  deadline_seconds: number
  /** What a code must still be good for to be given out. */
  code_validity_seconds_min: number
}

export async function getFulfillmentSettings(
  db: Db,
  accountId: string,
): Promise<FulfillmentSettings> {
  return db
    .selectFrom('accounts')
    .select(['deadline_seconds', 'code_validity_seconds_min'])
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
}

/** Holds for what is accepted, and given out, from now on. Safe to repeat. */
export async function updateFulfillmentSettings(
  db: Db,
  accountId: string,
  settings: FulfillmentSettings,
): Promise<void> {
  await sql`
    update accounts set deadline_seconds = ${settings.deadline_seconds},
      code_validity_seconds_min = ${settings.code_validity_seconds_min}
    where id = ${accountId}`.execute(db)
}
