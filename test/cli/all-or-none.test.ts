import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { allOrNone } from '../../cli/all-or-none.ts'

test('gives every result', async () => {
  const work = [Promise.resolve(1), Promise.resolve('two')] as const
  expect(await allOrNone(new AbortController(), work)).toEqual([1, 'two'])
})

test('rejects with the first failure, after the others have been told and have ended', async () => {
  const giveUp = new AbortController()
  let tidied = false
  const slow = async () => {
    try {
      await once(giveUp.signal, 'abort')
    } finally {
      await nextTurn()
      tidied = true
    }
  }
  const failing = nextTurn().then(() => {
    throw new Error('no disk')
  })
  await expect(allOrNone(giveUp, [slow(), failing])).rejects.toThrow('no disk')
  expect(tidied).toBe(true)
})
