import { ApiRefusal } from './api-client.ts'
import { UsageError, type CommandContext } from './command.ts'
import { BrokenPromise, type Story } from './demo-look.ts'
import { tellStory } from './demo-story.ts'

export const help = `bark demo   (npm run demo)
  The story of a day, told against the running system over HTTP: a new customer, three orders, one of
  them partial until the clock moves, a webhook that fails twice and then arrives, the day closed, the
  invoice as a PDF. Every step is checked. It moves the sandbox account's test clock by some minutes.
Exit code 0 when everything was as told, else 1; the line that begins with ✗ says what was not.`

/** Repeatable: each run has a customer of its own. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  if (args.length > 0) throw new UsageError(`bark demo knows no "${args[0]}"`)
  const { running, json, out, err } = context
  if (running === null || running.api === null || running.keys.account === null) {
    throw new Error('Bark is not running with sandbox data on this data folder: npm start')
  }
  const steps: string[] = []
  const startedAt = performance.now()
  const story: Story = {
    running: { ...running, api: running.api, key: running.keys.account },
    dataDir: context.dataDir,
    say(text) {
      if (!json) out(text)
    },
    did(text) {
      steps.push(text)
      if (!json) out(`  ✓ ${text}`)
    },
  }
  try {
    const ending = await tellStory(story)
    const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(1))
    if (json) out(JSON.stringify({ ok: true, seconds, steps, ...ending }))
    else {
      out(`\nThe day took ${seconds} s. ${steps.length} things were as told. Look at it:`)
      if (ending.workflow !== null) out(`  order 2   ${ending.workflow}`)
      if (running.finance !== null)
        out(`  invoice   ${running.finance}/invoices/${ending.invoice_id}`)
    }
    return 0
  } catch (error) {
    if (!(error instanceof BrokenPromise) && !(error instanceof ApiRefusal)) throw error
    if (json) out(JSON.stringify({ ok: false, steps, problem: error.message }))
    else err(`  ✗ ${error.message}`)
    return 1
  }
}
