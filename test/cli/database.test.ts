import { expect, test } from 'vitest'
import {
  createDatabase,
  databaseAnswers,
  databaseName,
  dropDatabases,
  quoted,
  temporalDatabases,
  withDatabase,
} from '../../cli/database.ts'
import { createEmptyDatabase } from '../stack.ts'

test('makes and drops a database with an unusual name, and may do so twice', async () => {
  const other = await createEmptyDatabase('neighbour')
  const name = `It's "my" shop/${databaseName(other.url)}`
  const url = withDatabase(other.url, name)
  expect(databaseName(url)).toBe(name)
  expect(await createDatabase(url)).toBe(true)
  expect(await createDatabase(url)).toBe(false)
  await dropDatabases(other.url, [name, 'no such database'])
  expect(await databaseAnswers(url)).toBe(false)
  expect(await databaseAnswers(other.url)).toBe(true)
  await other.drop()
})

test('two creators at the same instant both go on', async () => {
  const other = await createEmptyDatabase('race')
  const url = withDatabase(other.url, `${databaseName(other.url)}_fresh`)
  const made = await Promise.all([1, 2, 3, 4].map(() => createDatabase(url)))
  expect(made.filter(Boolean)).toHaveLength(1)
  await dropDatabases(other.url, [databaseName(url), databaseName(other.url)])
})

test("Temporal's databases are named after the product's and always fit", () => {
  expect(temporalDatabases('bark')).toEqual({
    store: 'bark_temporal',
    visibility: 'bark_temporal_visibility',
  })
  const [one, two] = ['a', 'b'].map((end) => temporalDatabases('x'.repeat(60) + end))
  expect(one?.store).not.toBe(two?.store)
  expect(one?.visibility.length).toBeLessThanOrEqual(63)
})

test('a name cannot break out of its quotes', () => {
  expect(quoted('a"; drop database b; --')).toBe('"a""; drop database b; --"')
})
