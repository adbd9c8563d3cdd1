import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack, type Stack } from '../harness.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack('sweep', { api: false })
})
afterAll(() => stack.stop())

test('a sweep ends on a worker without a build id, which is the default', async () => {
  const swept = await stack.temporal.workflow.execute('sweep', {
    workflowId: `sweep-${stack.config.temporal.taskQueue}`,
    taskQueue: stack.config.temporal.taskQueue,
    args: [],
    workflowExecutionTimeout: '15s',
  })
  expect(swept).toEqual({ swept: 0 })
})
