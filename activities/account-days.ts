import { inTransaction, readTogether, type Tx } from '../db/client.ts'
import {
  endAccountDay,
  findAccountDayFile,
  getAccountDay,
  getOpenDay,
  listAccountDayFiles,
  updateAccountDayWritten,
  type AccountDayRow,
} from '../db/account-days.ts'
import { getDayDigest } from '../db/day-digest.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { writeDayDigest } from '../documents/day-digest.ts'
import type { RegisteredWait } from '../domain/story.ts'
import type { ActivityDeps } from './deps.ts'
import { sendDocumentMail } from './mails.ts'

type AccountDayInput = { accountId: string; accountDayId: string }

export type AccountDayStep = { step: 'wait'; wait: RegisteredWait } | { step: 'write' }

const PATIENCE_HOURS = 6 // finance reads in the morning; whoever is held longer is told as open
const HOUR_MS = 3_600_000

export function accountDayActivities(deps: ActivityDeps) {
  const { db } = deps.database
  return {
    /**
     * What a business date waits for before finance hears of it: its end for every customer, then its
     * last purchase order, but not for ever. Safe to run twice: the wait is replaced.
     */
    async stepAccountDay(input: AccountDayInput): Promise<AccountDayStep> {
      return inTransaction(db, async (tx) => {
        const day = await getAccountDay(tx, input)
        const date = day.business_date
        const { ends_at, settles_at, open, now } = await getOpenDay(tx, {
          accountId: input.accountId,
          businessDate: date,
        })
        const patientUntil = new Date(settles_at.getTime() + PATIENCE_HOURS * HOUR_MS)
        const wait = async (dueAt: Date, reason: string): Promise<AccountDayStep> => ({
          step: 'wait',
          wait: await waitForDay(tx, day, dueAt, reason),
        })
        // What is told again was asked for by somebody, or by the last purchase order.
        if (day.written_at === null && day.run === 1) {
          if (now < ends_at) return wait(ends_at, `the end of ${date} for every customer`)
          if (open > 0 && now < patientUntil) {
            return wait(patientUntil, `${open} purchase orders of ${date} that are not done`)
          }
        }
        await endWait(tx, input.accountId, day.id)
        return { step: 'write' }
      })
    },

    /**
     * Adds up the business date and freezes what is told of it. Safe to run twice: the first text and
     * the first files stay.
     */
    async writeAccountDay(input: AccountDayInput): Promise<{ complete: boolean }> {
      const { business_date: businessDate } = await getAccountDay(db, input)
      const day = await readTogether(db, (tx) =>
        getDayDigest(tx, { accountId: input.accountId, businessDate }),
      )
      const digest = writeDayDigest(day, deps.financePagesUrl)
      await inTransaction(db, (tx) =>
        updateAccountDayWritten(tx, input, {
          ...digest,
          recipients: day.recipients,
          complete: day.open.length === 0,
        }),
      )
      return { complete: (await getAccountDay(db, input)).complete ?? false }
    },

    /**
     * Mails the digest to the account's finance people and ends the day's story. Safe to run twice: one
     * mail per telling; a reply lost after the server took it sends it again under the same Message-ID.
     */
    async sendAccountDay(input: AccountDayInput): Promise<{ taken: boolean }> {
      const { accountId, accountDayId } = input
      const day = await getAccountDay(db, input)
      const { subject, body, recipients } = day
      if (subject === null || body === null || recipients === null) {
        throw new Error(`${day.id} is not written`)
      }
      const filenames = await listAccountDayFiles(db, input)
      const taken = await sendDocumentMail(
        deps,
        {
          accountId,
          key: `account-day/${day.id}`,
          recipients,
          subject,
          body,
          attachments: filenames.map((filename) => ({ filename, format: 'csv' })),
          accountDayId,
        },
        async ({ filename }) => {
          const kept = await findAccountDayFile(db, { accountId, accountDayId, filename })
          if (kept === null) throw new Error(`${day.id} has no ${filename}`)
          return kept
        },
      )
      await inTransaction(db, (tx) => endAccountDay(tx, input))
      deps.log.info({ day: day.id, taken }, 'digest mailed')
      return { taken }
    },
  }
}

async function waitForDay(
  tx: Tx,
  day: AccountDayRow,
  dueAt: Date,
  reason: string,
): Promise<RegisteredWait> {
  return registerWait(tx, {
    accountId: day.account_id,
    storyId: day.id,
    workflow: 'closeAccountDay',
    subject: { account_day_id: day.id, business_date: day.business_date, run: day.run },
    dueAt,
    reason,
  })
}
