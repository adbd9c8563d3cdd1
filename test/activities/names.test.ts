import { expect, test } from 'vitest'
import type { ActivityDeps } from '../../activities/deps.ts'
import { ACTIVITY_FACTORIES, createActivities } from '../../activities/index.ts'
import { openKeys } from '../../cli/open-keys.ts'
import { readEnv, toConfig } from '../../config.ts'
import { openDatabase } from '../../db/client.ts'
import { createLog } from '../../log.ts'

/** Nothing of it is used: the factories only close over it. */
const database = openDatabase({
  url: 'postgres://nobody@127.0.0.1:1/none',
  poolSizeMax: 1,
  applicationName: 'test-names',
  onError: () => undefined,
})
const config = toConfig(readEnv({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }))
const deps: ActivityDeps = {
  database,
  keys: openKeys(database, config),
  log: createLog('test-names', 'silent'),
  payments: () => {
    throw new Error('no payment provider is asked')
  },
  suppliers: () => {
    throw new Error('no supplier is asked')
  },
  stock: { took: () => undefined, close: () => Promise.resolve() },
  webhooks: {
    post: () => Promise.reject(new Error('nothing is sent')),
    close: () => Promise.resolve(),
  },
  press: { print: () => Promise.reject(new Error('nothing is rendered')) },
  mailer: {
    sender: 'nobody@bark.example',
    send: () => Promise.resolve({ refused: [], reason: null }),
  },
}

test('no two activities have one name: a later one would silently replace the earlier', () => {
  const names = ACTIVITY_FACTORIES.flatMap((factory) => Object.keys(factory(deps)))
  expect(names.length).toBeGreaterThan(10)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  expect(new Set(Object.keys(createActivities(deps)))).toEqual(new Set(names))
})
