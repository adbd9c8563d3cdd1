import { parseArgs } from 'node:util'
import { listStuck, type Stuck } from '../db/stuck.ts'
import type { WorkflowType } from '../domain/story.ts'
import { workflowIdOf } from '../workflow-starts.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openCommandDatabase } from './command-database.ts'
import { endpointLink, workflowLink } from './views.ts'

export const help = `bark stuck
  Lists what waits for a person, in every account: stories that need an operator, units whose supplier
  has not said for an hour whether it sold them, commands that Temporal refused, webhooks that only
  fail, mails that are not sent, suppliers that do not answer, books whose last report does not hold.
  Each with where to look and the command that helps. Reads the database only.
Exit code 0 when there is nothing, 1 otherwise.`

/** Repeatable; changes nothing. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  if (parseArgs({ args, allowPositionals: true }).positionals.length > 0) {
    throw new UsageError('bark stuck takes no arguments')
  }
  const database = openCommandDatabase(context, 'bark stuck')
  try {
    const stuck = await listStuck(database.db)
    if (context.json) {
      for (const one of stuck) context.out(JSON.stringify(printJson(one, context)))
    } else if (stuck.length === 0) context.out('Nothing waits for a person.')
    else for (const one of stuck) context.out(printWords(one, context))
    return stuck.length === 0 ? 0 : 1
  } finally {
    await database.close()
  }
}

const WORDS: Readonly<Record<Stuck['kind'], string>> = {
  story: 'needs a person',
  unit_in_doubt: 'is in doubt',
  command: 'was not taken by Temporal',
  webhook: 'fails',
  mail: 'is not sent',
  supplier: 'does not answer',
  ledger: 'is out of balance',
}

/** The Update that makes a story try again, for those that have one. */
const TRIES_AGAIN: Readonly<Partial<Record<WorkflowType, string>>> = {
  fulfillTransaction: 'retryNow',
  deliverWebhook: 'retryNow',
  issueInvoice: 'retryNow',
  runPurchaseOrderDay: 'release',
}

function printWords(one: Stuck, context: CommandContext): string {
  const since = one.since === null ? '' : ` since ${new Date(one.since).toISOString()}`
  const link = linkOf(one, context)
  return [
    `${one.id} ${WORDS[one.kind]}${since}  (${one.accountId})`,
    `  ${one.reason}`,
    ...(link === null ? [] : [`  look:  ${link}`]),
    `  help:  ${helpFor(one, context)}`,
  ].join('\n')
}

function printJson(one: Stuck, context: CommandContext) {
  return {
    kind: one.kind,
    account_id: one.accountId,
    id: one.id,
    since: one.since === null ? null : new Date(one.since).toISOString(),
    reason: one.reason,
    workflow_id: storyId(one),
    workflow_url: linkOf(one, context),
    help: helpFor(one, context),
  }
}

/** The command or call that a person uses once it is known what is to be done. */
function helpFor(one: Stuck, { config }: CommandContext): string {
  const update = (name: string, input: object) =>
    `temporal workflow update execute --address ${config.temporal.address} ` +
    `--namespace ${config.temporal.namespace} --workflow-id '${storyId(one)}' ` +
    `--name ${name} --input '${JSON.stringify(input)}'`
  switch (one.kind) {
    case 'story': {
      const verb = one.workflow === null ? undefined : TRIES_AGAIN[one.workflow.type]
      return verb === undefined
        ? 'look at the workflow: its Updates say what can be decided'
        : `mend what the reason says, then: ${update(verb, { note: 'why' })}`
    }
    case 'unit_in_doubt':
      return `ask the supplier, then: ${update('resolveUnit', { unit: one.id, outcome: 'found' })}   or outcome notPlaced`
    case 'command':
      return `mend what Temporal says, then in SQL: update outbox set parked_at = null, attempts = 0 where id = ${one.id}`
    case 'webhook':
      return (
        `tell the merchant, who then calls POST /v2/webhooks/${one.id}/recover ` +
        `(in the sandbox: bark webhooks recover --webhook ${one.id}); ` +
        `one that is switched off is switched on before, by PATCH {"active": true}`
      )
    case 'mail':
      return 'check MAIL_SMTP_URL; the workflow of the document tries again by itself'
    case 'ledger':
      return `bark reconcile --account ${one.accountId} shows the rows; the next report that holds ends this`
    case 'supplier':
      return `ask the supplier; it is tried again by itself. Another address: PATCH /v2/suppliers/${one.id}`
  }
}

function storyId({ workflow }: Stuck): string | null {
  if (workflow === null) return null
  return workflowIdOf({ workflow: workflow.type, subject: workflow.subject })
}

function linkOf(one: Stuck, context: CommandContext): string | null {
  if (one.kind === 'webhook') return endpointLink(context.config, one.id)
  const id = storyId(one)
  return id === null ? null : workflowLink(context.config, id)
}
