import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { listFailingWebhooks } from '../db/failing-webhooks.ts'
import { isEventSubscription } from '../domain/event-type.ts'
import { openSandbox, type ApiClient } from './api-client.ts'
import { UsageError, type CommandContext } from './command.ts'
import { openCommandDatabase } from './command-database.ts'
import { openListenState } from './listen-state.ts'
import { listenForEvents } from './webhook-listen.ts'

export const help = `bark webhooks listen --forward-to URL [--events LIST]
  Forwards the events of the running sandbox account to a program on this machine, signed with a
  secret that is the same in every run. No public address is needed. It starts with what happens
  from now on, and the next time where it ended: nothing is lost while it or the program is stopped.
  --forward-to  where to POST, for example http://localhost:3000/webhooks
  --events      types and wildcards, parted by commas (default: every event)

bark webhooks recover [--webhook whk_…] [--since INSTANT]
bark webhooks replay-missing [--webhook whk_…] [--since INSTANT]
  recover sends again what failed, or was cancelled because of its endpoint; replay-missing delivers
  events that an endpoint is subscribed to and has no delivery of. Never twice, so it may be repeated.
  --webhook  this one only (default: all that are active)
  --since    business time, at most 30 days ago (default: 24 hours ago)

bark webhooks failing
  For operators: the endpoints of all accounts to which nothing has got through for ten minutes.

Exit code 0 when it is done, 1 when the API refused.`

const webhookShape = z.object({ id: z.string(), url: z.string(), active: z.boolean() })
const clockShape = z.object({ now: z.string() })
const recoveryShape = z.object({ created: z.number(), has_more: z.boolean() })
const DAY_MS = 86_400_000

const VERBS = {
  listen: {
    options: { 'forward-to': { type: 'string' }, events: { type: 'string' } },
    run: listen,
  },
  recover: {
    options: { webhook: { type: 'string' }, since: { type: 'string' } },
    run: (values: Values, context: CommandContext) => catchUp('recover', values, context),
  },
  'replay-missing': {
    options: { webhook: { type: 'string' }, since: { type: 'string' } },
    run: (values: Values, context: CommandContext) => catchUp('replay_missing', values, context),
  },
  failing: { options: {}, run: listFailing },
} as const

type Values = Record<string, string | undefined>

export async function run(args: string[], context: CommandContext): Promise<number> {
  const [name, ...rest] = args
  const verb = Object.entries(VERBS).find(([each]) => each === name)?.[1]
  if (verb === undefined) {
    throw new UsageError(`bark webhooks knows ${Object.keys(VERBS).join(', ')}`)
  }
  return verb.run(readValues(rest, verb.options), context)
}

function readValues(args: string[], options: Record<string, { type: 'string' }>): Values {
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Runs until Ctrl-C. */
async function listen(values: Values, context: CommandContext): Promise<number> {
  const forwardTo = readUrl(values['forward-to'])
  const subscriptions = readSubscriptions(values['events'])
  const { json, out, err, dataDir, running } = context
  const api = openSandbox(context)
  const place = createHash('sha256').update(`${running?.account_id} ${forwardTo}`).digest('hex')
  const state = openListenState(join(dataDir, 'webhook-listen.json'), place.slice(0, 16))
  const stop = new AbortController()
  const abort = () => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, abort)
  const sayReady = () => {
    if (json) out(JSON.stringify({ forward_to: forwardTo, secret: state.secret }))
    else {
      out(`Events go to ${forwardTo}. Ctrl-C ends it.`)
      out(`The secret that signs them, the same in every run: ${state.secret}`)
    }
  }
  try {
    await listenForEvents({
      api,
      forwardTo,
      subscriptions,
      state,
      signal: stop.signal,
      onReady: sayReady,
      onForwarded: (forwarded) =>
        out(
          json
            ? JSON.stringify(forwarded)
            : `${String(forwarded.answer)}  ${forwarded.type}  ${forwarded.id}`,
        ),
      onTrouble: (words) => err(words === null ? 'It answers again.' : `${words}; trying again.`),
    })
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, abort)
  }
  return 0
}

function readUrl(text: string | undefined): string {
  if (text === undefined) throw new UsageError('Say where to: --forward-to http://localhost:3000')
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`${text} is not an http or https URL`)
  }
  return url.href
}

function readSubscriptions(text: string | undefined): string[] | null {
  if (text === undefined) return null
  const subscriptions = text.split(',').map((each) => each.trim())
  const unknown = subscriptions.find((each) => !isEventSubscription(each))
  if (unknown !== undefined) throw new UsageError(`There is no event ${unknown}`)
  return subscriptions
}

/** One call after the other until nothing is left; each call is one commit, so it can be interrupted. */
async function catchUp(
  verb: 'recover' | 'replay_missing',
  values: Values,
  context: CommandContext,
): Promise<number> {
  const api = openSandbox(context)
  const since = await readSince(api, values['since'])
  const webhooks = await findWebhooks(api, values['webhook'])
  const results = []
  for (const { id, url } of webhooks) {
    let created = 0
    for (let more = true; more;) {
      const answer = await api.post(`/v2/webhooks/${id}/${verb}`, { since }, recoveryShape)
      created += answer.created
      more = answer.has_more
    }
    results.push({ webhook_id: id, url, created })
  }
  if (context.json) context.out(JSON.stringify({ since, webhooks: results }))
  else if (results.length === 0) context.out('No webhook is active: there is nothing to do.')
  for (const { webhook_id: id, url, created } of context.json ? [] : results) {
    context.out(`${id}  ${created} ${created === 1 ? 'delivery' : 'deliveries'} to ${url}`)
  }
  return 0
}

/** Business time, which a test account's clock may have moved far ahead. */
async function readSince(api: ApiClient, text: string | undefined): Promise<string> {
  if (text === undefined) {
    const { now } = await api.get('/v2/test_clock', clockShape)
    return new Date(Date.parse(now) - DAY_MS).toISOString()
  }
  if (Number.isNaN(Date.parse(text))) throw new UsageError(`${text} is not an instant`)
  return new Date(text).toISOString()
}

async function findWebhooks(api: ApiClient, id: string | undefined) {
  if (id !== undefined) return [await api.get(`/v2/webhooks/${id}`, webhookShape)]
  return api.list('/v2/webhooks?active=true', webhookShape)
}

async function listFailing(
  _values: Values,
  { config, json, out, err }: CommandContext,
): Promise<number> {
  const database = openCommandDatabase({ config, err }, 'bark-webhooks')
  const failing = await listFailingWebhooks(database.db)
  await database.close()
  if (json) out(JSON.stringify(failing))
  else if (failing.length === 0) out('Every endpoint gets what it is sent.')
  for (const each of json ? [] : failing) {
    const hours = (each.failing_seconds / 3_600).toFixed(1)
    out(
      `${each.id}  ${each.account_id}  ${each.url}\n  failing for ${hours} h, ` +
        `${each.exhausted_count} given up, ${each.pending_count} still tried, ` +
        `last answer: ${each.last_answer ?? 'none'}` +
        (each.disabled_reason === null ? '' : `, switched off: ${each.disabled_reason}`),
    )
  }
  return 0
}
