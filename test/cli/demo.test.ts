import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../cli/demo.ts'
import { seedSandbox } from '../../cli/seed.ts'
import { createClient } from '../api/client.ts'
import { startStack, type Stack } from '../harness.ts'
import { commandContext } from './context.ts'

let stack: Stack
let dataDir: string

beforeAll(async () => {
  stack = await startStack('cli-demo', { supplier: true })
  dataDir = mkdtempSync(join(tmpdir(), 'bark-demo-'))
})
afterAll(async () => {
  await stack.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

describe('bark demo', () => {
  test('tells the story of a day, and everything is as told', async () => {
    const seeds = await seedSandbox(stack.config, dataDir)
    const { context, out, err } = commandContext(stack.config, {
      json: true,
      dataDir,
      running: { api: stack.apiUrl, inbox: `${stack.apiUrl}/inbox`, keys: seeds.keys },
    })
    const code = await run([], context)
    const told = JSON.parse(out[0] ?? '')
    expect(told.problem).toBeUndefined()
    expect({ code, ok: told.ok, steps: told.steps.length, err }).toEqual({
      code: 0,
      ok: true,
      steps: 13,
      err: [],
    })
    expect(readFileSync(told.pdf).subarray(0, 5).toString()).toBe('%PDF-')
  }, 120_000)

  test('says what is not as told, ends with 1 and leaves no endpoint behind', async () => {
    const { keys } = await seedSandbox(stack.config, dataDir)
    await stack.database.db
      .updateTable('codes')
      .set({ quarantined_at: new Date(), quarantine_reason: 'late' })
      .where('unit_id', 'is', null)
      .execute()
    const { context, out, err } = commandContext(stack.config, {
      dataDir,
      running: { api: stack.apiUrl, keys },
    })
    expect(await run([], context)).toBe(1)
    expect(err.join()).toContain('✗ Expected codes of two products in the pool')
    expect(out.join()).not.toContain('as told')
    const webhooks = await createClient(stack.apiUrl, keys.account).get<{ data: unknown[] }>(
      '/v2/webhooks',
    )
    expect(webhooks.body.data).toEqual([])
  })
})
