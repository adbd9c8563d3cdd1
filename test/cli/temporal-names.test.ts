import { randomUUID } from 'node:crypto'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { registerNames, temporalAnswers } from '../../cli/temporal-names.ts'
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts'
import { testTemporal } from '../stack.ts'

const { address } = testTemporal()
let connection: Connection

beforeAll(async () => {
  connection = await Connection.connect({ address })
})
afterAll(() => connection.close())

test('a fresh namespace has every search attribute when registration returns', async () => {
  const namespace = `names-${randomUUID()}`
  await registerNames(address, namespace)
  const { workflow } = new Client({ connection, namespace })
  for (const { name } of SEARCH_ATTRIBUTES) {
    expect(await workflow.count(`${name} is null`)).toMatchObject({ count: 0 })
  }
})

test('may be repeated, also at the same instant', async () => {
  const namespace = `names-${randomUUID()}`
  await Promise.all([registerNames(address, namespace), registerNames(address, namespace)])
  await registerNames(address, namespace)
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
  const ours = Object.keys(customAttributes).filter((name) => name.startsWith('Bark'))
  expect(ours.sort()).toEqual(SEARCH_ATTRIBUTES.map(({ name }) => name).sort())
})

test('knows a server that answers from one that does not', async () => {
  expect(await temporalAnswers(address)).toBe(true)
  expect(await temporalAnswers('127.0.0.1:1')).toBe(false)
})
