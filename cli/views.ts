import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { UsageError, type CommandContext } from './command.ts'

export const help = `bark views
  Prints links into the Temporal web UI: who needs a person, what is due within the hour, which orders
  have waited for codes for over an hour, of which payments and refunds nobody knows what became, which
  webhooks fail and which have been open for more than two minutes. Temporal knows no relative times,
  so the links hold for the present instant.`

/** A list of workflows that an operator looks at, as a query of Temporal's visibility. */
export type View = { name: string; query: string }

const MINUTE_MS = 60_000

/** The views with the instants of `now`. */
export function listViews(now: Date): View[] {
  const at = (minutes: number) => `"${new Date(now.getTime() + minutes * MINUTE_MS).toISOString()}"`
  const running = 'ExecutionStatus = "Running"'
  return [
    { name: 'Needs operator', query: `BarkNeedsOperator = true AND ${running}` },
    { name: 'Due within an hour', query: `BarkDueAt < ${at(60)} AND ${running}` },
    {
      name: 'Partial for over an hour',
      query: `BarkStage = "waiting_for_codes" AND StartTime < ${at(-60)} AND ${running}`,
    },
    {
      name: 'Unknown payments and refunds',
      query: `WorkflowType IN ("processPayment", "refundPayment") AND BarkStage = "unknown" AND ${running}`,
    },
    {
      name: 'Webhooks that fail, by endpoint (BarkEndpoint)',
      query: `WorkflowType = "deliverWebhook" AND BarkStage = "waiting_to_retry" AND ${running}`,
    },
    {
      name: 'Webhooks open for more than two minutes',
      query: `WorkflowType = "deliverWebhook" AND StartTime < ${at(-2)} AND ${running}`,
    },
  ]
}

/** The open deliveries of an endpoint. */
export function endpointLink(config: Pick<Config, 'temporal'>, webhookId: string): string {
  return viewLink(config, `BarkEndpoint = "${webhookId}" AND ExecutionStatus = "Running"`)
}

/** Where a workflow shows itself. */
export function workflowLink({ temporal }: Pick<Config, 'temporal'>, workflowId: string): string {
  return `${workflowsUrl(temporal)}/${encodeURIComponent(workflowId)}`
}

/** Repeatable; asks nobody. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  if (parseArgs({ args, allowPositionals: true }).positionals.length > 0) {
    throw new UsageError('bark views takes no arguments')
  }
  for (const { name, query } of listViews(new Date())) {
    const url = viewLink(context.config, query)
    context.out(context.json ? JSON.stringify({ name, query, url }) : `${name}\n  ${url}`)
  }
  return 0
}

function viewLink({ temporal }: Pick<Config, 'temporal'>, query: string): string {
  return `${workflowsUrl(temporal)}?query=${encodeURIComponent(query)}`
}

function workflowsUrl({ uiUrl, namespace }: { uiUrl: string; namespace: string }): string {
  return `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows`
}
