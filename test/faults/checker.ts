import { checkHistory } from './check-client.ts'
import { checkAccepted, checkStranger } from './check-orders.ts'
import { checkMoney } from './check-psp.ts'
import { checkReceived } from './check-receiver.ts'
import { checkSecrets } from './check-secrets.ts'
import { checkLedger, readLedger } from './check-supplier.ts'
import { checkWorkflows, connectTemporal, readHistories } from './check-workflows.ts'
import { awaitDrained } from './check-drained.ts'
import type { Cluster } from './cluster.ts'
import { checkAttemptTimes, checkDatabase, type Violation } from './invariants.ts'
import type { Told } from './merchant.ts'

const ATTEMPT_LATE_SECONDS_MAX = 5 // I19, where nothing is down

/** Where the sources of truth are read: a cluster, or a stack within one process. */
export type Place = Pick<
  Cluster,
  | 'database'
  | 'keys'
  | 'apiUrl'
  | 'supplierControlUrl'
  | 'pspControlUrl'
  | 'receiverControlUrl'
  | 'temporalAddress'
  | 'log'
>

/** How much happened to the cluster while the story was told. */
export type Disturbances = {
  /** Kills, cuts and pauses: each may make a receiver hear an attempt once more. */
  count: number
  /** How long things were down in all; webhooks may be as late. */
  seconds: number
}

/**
 * Everything that is promised of a story that was told to its end and has drained, from all sources
 * of truth: the client's history, the database, the API, the supplier's and the payment service's
 * ledgers, the receiver's requests, Temporal, and the logs. Every violation names its invariant; none is the proof.
 */
export async function checkStory(
  place: Place,
  told: Told,
  disturbances: Disturbances,
): Promise<Violation[]> {
  const { db } = place.database
  const temporal = await connectTemporal(place.temporalAddress)
  try {
    // First: a sweep begins new work at any minute, also after a story has come to its end.
    const left = await awaitDrained(db)
    const canaries = await listCanaries(place, told)
    return [
      ...left,
      ...checkHistory(told),
      ...(await checkDatabase(db)),
      ...(await checkAttemptTimes(db, {
        accountId: told.accountId,
        lateSecondsMax: ATTEMPT_LATE_SECONDS_MAX + disturbances.seconds,
      })),
      ...(await checkAccepted(place, told)),
      ...(await checkStranger(place, told)),
      ...(await checkLedger(place)),
      ...(await checkMoney(place, told)),
      ...(await checkReceived(place, told, disturbances.count)),
      ...(await checkWorkflows(temporal.client, db, told.accountId)),
      ...(await checkSecrets(db, told.accountId, canaries, {
        log: place.log().join('\n'),
        histories: await readHistories(temporal.client, told.accountId),
      })),
    ]
  } finally {
    await temporal.close()
  }
}

/** What must never be seen: the story's own secrets, and every code that the supplier sold. */
export async function listCanaries(place: Place, told: Told): Promise<string[]> {
  const sales = await readLedger(place.supplierControlUrl)
  return [...told.secrets, ...sales.map(({ code }) => code)]
}
