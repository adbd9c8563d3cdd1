import { ApplicationFailure } from '@temporalio/common'
import type { Activities } from '../../activities/index.ts'

/**
 * What every workflow passes, now and later: each activity executed twice ends in the same rows, and
 * activity n failing, for every n, leaves stock, codes and money in balance.
 */

type AnyActivity = (input: never) => Promise<unknown>

function mapActivities(
  activities: Activities,
  wrap: (name: string, run: (input: unknown) => Promise<unknown>) => AnyActivity,
): Activities {
  const entries = Object.entries(activities).map(([name, run]) => [
    name,
    wrap(name, run as (input: unknown) => Promise<unknown>), // each takes one object of ids
  ])
  return Object.fromEntries(entries) as Activities // the same names with the same signatures
}

/** Every activity runs twice; the workflow sees the second answer, as after a lost reply. */
export function repeatEach(activities: Activities): Activities {
  return mapActivities(activities, (_, run) => async (input) => {
    await run(input)
    return run(input)
  })
}

/** Names every execution, in order. */
export function recordCalls(activities: Activities, calls: string[]): Activities {
  return mapActivities(activities, (name, run) => (input) => {
    calls.push(name)
    return run(input)
  })
}

export type Failure = {
  /** 1 for the first execution of any activity. */
  nth: number
  /** `before`: nothing happened. `after`: it happened and the reply was lost. */
  when: 'before' | 'after'
}

/** One execution fails as told; answers how often that happened. */
export function failAt(
  activities: Activities,
  failure: Failure,
): { activities: Activities; failed: () => string[] } {
  let calls = 0
  const failed: string[] = []
  return {
    failed: () => failed,
    activities: mapActivities(activities, (name, run) => async (input) => {
      calls += 1
      if (calls !== failure.nth) return run(input)
      failed.push(name)
      if (failure.when === 'after') await run(input)
      throw plantedFailure()
    }),
  }
}

function plantedFailure(): ApplicationFailure {
  return ApplicationFailure.create({ message: 'planted failure', nextRetryDelay: '50ms' })
}

export type AccountFailure = {
  /** 1 for the first execution of any activity on behalf of the account. */
  nth: number
  when: Failure['when']
  /** This and so many further executions of the same activity, less one. */
  times: number
}

/**
 * Activity executions fail as told, counted by account: so that many stories, each with a failure of
 * its own, run in one worker. `onFailure` hears of each, before the activity is tried again.
 */
export function failByAccount(
  activities: Activities,
  failures: ReadonlyMap<string, AccountFailure>,
  onFailure: (accountId: string, name: string) => Promise<void>,
): Activities {
  const calls = new Map<string, number>()
  const broken = new Map<string, { name: string; left: number }>()
  return mapActivities(activities, (name, run) => async (input) => {
    const { accountId = '' } = { ...(input as { accountId?: string }) } // each takes one object of ids
    const failure = failures.get(accountId)
    const nth = (calls.get(accountId) ?? 0) + 1
    calls.set(accountId, nth)
    if (failure?.nth === nth) broken.set(accountId, { name, left: failure.times })
    const planted = broken.get(accountId)
    if (failure === undefined || planted?.name !== name || planted.left === 0) return run(input)
    planted.left -= 1
    if (failure.when === 'after') await run(input)
    await onFailure(accountId, name)
    throw plantedFailure()
  })
}
