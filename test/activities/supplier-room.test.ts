import { ApplicationFailure } from '@temporalio/common'
import { expect, test } from 'vitest'
import { createSupplierRoom } from '../../activities/supplier-room.ts'

/** Enters until there is no room; answers how to leave, and the refusal. */
function fill(room: ReturnType<typeof createSupplierRoom>, account: (nth: number) => string) {
  const leaving: (() => void)[] = []
  for (;;) {
    try {
      leaving.push(room.enter(account(leaving.length)))
    } catch (error) {
      return { leaving, error }
    }
  }
}

test("one account's orders take ten places at suppliers, and give them back", () => {
  const room = createSupplierRoom()
  const { leaving, error } = fill(room, () => 'acc_slow')
  expect(leaving).toHaveLength(10)
  expect(error).toBeInstanceOf(ApplicationFailure)
  expect(error).toMatchObject({ type: 'NoRoom', nonRetryable: false, nextRetryDelay: '2s' })
  room.enter('acc_other')()
  leaving[0]?.()
  room.enter('acc_slow')
  expect(() => room.enter('acc_slow')).toThrow('next in 2 s')
})

test('all accounts together take thirty: half of what everything outside has', () => {
  const room = createSupplierRoom()
  const { leaving } = fill(room, (nth) => `acc_${nth}`)
  expect(leaving).toHaveLength(30)
  for (const leave of leaving) leave()
  expect(fill(room, (nth) => `acc_${nth}`).leaving).toHaveLength(30)
})
