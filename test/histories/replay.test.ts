import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DeterminismViolationError } from '@temporalio/workflow'
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js'
import { Worker } from '@temporalio/worker'
import { describe, expect, test } from 'vitest'
import * as workflows from '../../workflows/index.ts'
import { bundleWorkflows, quietRuntime } from '../harness.ts'

/** What runs today must go on under the code of tomorrow: every recorded history replays. */

const folder = fileURLToPath(new URL('.', import.meta.url))
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

function read(name: string) {
  const json: unknown = JSON.parse(readFileSync(`${folder}${name}`, 'utf8'))
  return historyFromJSON(json)
}

async function replay(history: ReturnType<typeof read>): Promise<void> {
  quietRuntime()
  const bundle = { codePath: await bundleWorkflows() }
  await Worker.runReplayHistory({ workflowBundle: bundle, replayName: 'recorded' }, history)
}

test('every workflow has a recorded history', () => {
  const recorded = names.map((name) => {
    const [started] = read(name).events ?? []
    return started?.workflowExecutionStartedEventAttributes?.workflowType?.name
  })
  expect(new Set(recorded)).toEqual(new Set(Object.keys(workflows)))
})

describe('recorded histories replay', () => {
  test.each(names)('%s', async (name) => {
    await expect(replay(read(name))).resolves.toBeUndefined()
  })
})

test('a history that the code did not make is refused', async () => {
  const text = readFileSync(`${folder}day-by-its-end.json`, 'utf8')
  // As if the first step had been another activity.
  const changed = historyFromJSON(JSON.parse(text.replace('"stepPurchaseOrder"', '"renderInvoices"')))
  await expect(replay(changed)).rejects.toBeInstanceOf(DeterminismViolationError)
})
