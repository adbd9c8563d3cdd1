import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createGatherer } from '../../api/gather.ts'

/** Statements that end when the test says so. */
function openAsker() {
  const asked: { questions: number[]; end: PromiseWithResolvers<void> }[] = []
  return {
    asked,
    ask: async (questions: number[]) => {
      const end = Promise.withResolvers<void>()
      asked.push({ questions, end })
      await end.promise
      return questions.map((n) => `answer to ${n}`)
    },
  }
}

test('what is asked while a statement is on its way goes together with the next one', async () => {
  const { asked, ask } = openAsker()
  const gather = createGatherer(ask)
  const answers = [1, 2, 3].map(gather)
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1]])
  asked[0]?.end.resolve()
  await turn()
  // A question never joins a statement that has begun: its answer could be older than itself.
  answers.push(gather(4))
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [2, 3]])
  asked[1]?.end.resolve()
  await turn()
  asked[2]?.end.resolve()
  expect(await Promise.all(answers)).toEqual([1, 2, 3, 4].map((n) => `answer to ${n}`))
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [2, 3], [4]])
})

test('nor does a question that is asked again: the statement may be older than the change', async () => {
  const { asked, ask } = openAsker()
  const gather = createGatherer(ask)
  const first = gather(1)
  const second = gather(1)
  asked[0]?.end.resolve()
  await first
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [1]])
  asked[1]?.end.resolve()
  expect(await second).toBe('answer to 1')
})

test('a statement that fails fails its questions and no other', async () => {
  const { asked, ask } = openAsker()
  const gather = createGatherer(ask)
  const outcomes = Promise.allSettled([1, 2, 3].map(gather))
  await turn()
  asked[0]?.end.resolve()
  await turn()
  asked[1]?.end.reject(new Error('away'))
  const kinds = (await outcomes).map(({ status }) => status)
  expect(kinds).toEqual(['fulfilled', 'rejected', 'rejected'])
  const next = gather(4)
  await turn()
  asked[2]?.end.resolve()
  expect(await next).toBe('answer to 4')
})

test('an answer too few fails all of its statement instead of hanging one', async () => {
  const gather = createGatherer((questions: number[]) => Promise.resolve(questions.slice(1)))
  await expect(gather(1)).rejects.toThrow('Not every question')
})

test('as many statements run at once as there are lanes', async () => {
  const { asked, ask } = openAsker()
  const gather = createGatherer(ask, { lanes: 2 })
  const answers = Promise.all([1, 2, 3].map(gather))
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [2]])
  asked[1]?.end.resolve()
  await turn()
  expect(asked[2]?.questions).toEqual([3])
  asked[0]?.end.resolve()
  asked[2]?.end.resolve()
  expect(await answers).toHaveLength(3)
})

test('who waits is taken as the caller says, and the idle are let go', async () => {
  const { asked, ask } = openAsker()
  let idle = 0
  const gather = createGatherer(ask, {
    take: (waiting) => waiting.findIndex(({ question }) => question > 2) + 1 || waiting.length,
    onIdle: () => (idle += 1),
  })
  const answers = Promise.all([1, 2, 3, 4].map(gather))
  for (let n = 0; n < 3; n++) {
    expect(idle).toBe(0)
    asked[n]?.end.resolve()
    await turn()
  }
  expect(await answers).toHaveLength(4)
  expect(asked.map(({ questions }) => questions)).toEqual([[1], [2, 3], [4]])
  expect(idle).toBe(1)
})

test('nobody is idle while a statement is on its way', async () => {
  const { asked, ask } = openAsker()
  let idle = 0
  const gather = createGatherer(ask, { lanes: 2, onIdle: () => (idle += 1) })
  const answers = Promise.all([1, 2].map(gather))
  asked[0]?.end.resolve()
  await turn()
  expect(idle).toBe(0)
  asked[1]?.end.resolve()
  await answers
  await turn()
  expect(idle).toBe(1)
})

test('who has waited long goes, whatever is on its way; for who comes after it that is no lane', async () => {
  const { asked, ask } = openAsker()
  const gather = createGatherer(ask, { waitMsMax: 10 })
  const answers = [1, 2, 3].map(gather)
  await expect.poll(() => asked.length).toBe(2)
  expect(asked[1]?.questions).toEqual([2, 3])
  answers.push(gather(4))
  asked[1]?.end.resolve()
  // No timer fires between promises, so whatever goes now goes because the second one came back.
  for (let n = 0; n < 50; n++) await Promise.resolve()
  expect(asked).toHaveLength(2)
  asked[0]?.end.resolve()
  await expect.poll(() => asked.length).toBe(3)
  asked[2]?.end.resolve()
  expect(await Promise.all(answers)).toHaveLength(4)
})
