import { expect, test } from 'vitest'
import { createPacer } from '../../activities/webhook-pacer.ts'

test('who comes at once leaves one after another; other endpoints do not wait', async () => {
  const pacer = createPacer()
  const startedAt = performance.now()
  const leave = async (webhookId: string) => {
    await pacer.turn(webhookId, 20)
    return performance.now() - startedAt
  }
  const [others, ...leftMs] = await Promise.all([
    leave('whk_other'),
    ...Array.from({ length: 6 }, () => leave('whk_one')),
  ])
  leftMs.forEach((ms, index) => expect(ms).toBeGreaterThanOrEqual(index * 47))
  expect(others).toBeLessThan(leftMs.at(-1) ?? 0)
})
