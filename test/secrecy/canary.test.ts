import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from 'kysely'
import { rotate } from '../../cli/keys-rotate.ts'
import { createLocalKeyProvider } from '../../secrets/key-provider.ts'
import { barkAccount } from '../../workflows/contract.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { readPdf } from '../documents/pdf-reader.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/**
 * I28: no plain code, key or secret in a history, a log, an event, a webhook's body, an invoice, a
 * mail, a stored answer, or anywhere else in the database. Every place is read as it stands.
 */

let stack: Stack
let receiver: Receiver
let shop: OpenShop
const logLines: string[] = []
const WEBHOOK_SECRET = 'canary-webhook-secret-4711'

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('canary', {
    supplier: true,
    logTo: { write: (line) => void logLines.push(line) },
  })
  shop = await openShop(stack, { codes: 4 })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

/** Everything that somebody could read, by the name of the place. */
async function readEverything(): Promise<Map<string, string>> {
  const places = new Map<string, string>([['log', logLines.join('\n')]])
  for await (const execution of stack.temporal.workflow.list({
    query: `BarkAccount = '${shop.account.accountId}'`,
  })) {
    const handle = stack.temporal.workflow.getHandle(execution.workflowId, execution.runId)
    const history = await handle.fetchHistory()
    places.set(`history ${execution.workflowId}`, printBytes(history))
  }
  const { rows: tables } = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r'`.execute(stack.database.db)
  for (const { name } of tables) {
    const { rows } = await sql<{ row: string }>`
      select to_jsonb(t)::text as row from ${sql.table(name)} t`.execute(stack.database.db)
    places.set(`table ${name}`, rows.map(({ row }) => withBytesDecoded(row)).join('\n'))
  }
  places.set('text of the invoices', await readInvoiceTexts())
  for (const { path, body, headers } of receiver.requests) {
    places.set(
      `webhook ${path}`,
      `${places.get(`webhook ${path}`) ?? ''}${body}${JSON.stringify(headers)}`,
    )
  }
  return places
}

/** What a reader of a PDF sees, without its line breaks: in the file itself it is compressed. */
async function readInvoiceTexts(): Promise<string> {
  const { rows } = await stack.database.pool.query<{ content: Buffer }>(
    `select content from invoice_documents where format = 'pdf'`,
  )
  const pdfs = rows.map(({ content }) => readPdf(content))
  return pdfs.map(({ pages, files }) => pages.flat().join('') + JSON.stringify(files)).join('\n')
}

/** All texts of a history. Payloads are bytes, which its own JSON would hide in base64. */
function printBytes(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, part]) => `${name}: ${printBytes(part)}`)
      .join('\n')
  }
  return String(value)
}

/** bytea columns come as \x…; what they hold is read as text as well. */
function withBytesDecoded(row: string): string {
  return row.replaceAll(/\\\\x([0-9a-f]+)/g, (_, hex: string) =>
    Buffer.from(hex, 'hex').toString('latin1'),
  )
}

async function findLeaks(canaries: Map<string, string>): Promise<string[]> {
  const places = await readEverything()
  return [...places].flatMap(([place, text]) =>
    [...canaries].flatMap(([kind, canary]) =>
      text.includes(canary) ? [`${kind} in ${place}`] : [],
    ),
  )
}

/** An answer with a secret that is kept for its key, and refusals of every kind. */
async function askForTrouble({ client }: OpenShop, code: string) {
  const kept = await client.post<{ secret: string }>(
    '/v2/webhooks',
    { url: `${receiver.url}/kept`, events: ['order.created'] },
    { headers: { 'Idempotency-Key': 'canary-key' } },
  )
  expect(kept.status).toBe(201)
  const refused = await Promise.all([
    client.get('/v2/transactions/txn_0199c0de5a000123456789abcd/codes'),
    client.get(`/v2/products?code=${encodeURIComponent(code)}`),
    client.post('/v2/orders', { items: [] }),
    client.post('/v2/webhooks', { url: 'no', events: ['order.created'] }),
    client.post('/v2/webhooks', {}, { headers: { 'Idempotency-Key': 'canary-key' } }),
  ])
  expect(refused.every(({ status }) => status >= 400 && status < 500)).toBe(true)
  return {
    storedSecret: kept.body.secret,
    // A client that sends a code hears nothing of it either.
    errors: refused.map(({ bytes }) => bytes.toString()),
  }
}

/** The keys of the process, as bytes and as they are written in settings. */
function keyCanaries({ encryption, blindIndex }: Stack['config']['keys']): [string, string][] {
  return [encryption.current, blindIndex].flatMap((key, index): [string, string][] => [
    [`key ${index} in base64`, key.toString('base64')],
    [`key ${index} in hex`, key.toString('hex')],
    [`key ${index}`, key.toString('latin1')],
  ])
}

test('nothing secret is readable anywhere, and a planted leak is found', async () => {
  const supplied = await shop.supplied('TEST-INSTANT')
  await shop.client.post('/v2/webhooks', {
    url: `${receiver.url}/hook`,
    events: ['*', 'codes.available', 'invoice.finalized'],
    secret: WEBHOOK_SECRET,
  })
  const id = await shop.order([
    { sku: shop.pooled.sku, quantity: 3 },
    { sku: supplied.sku, quantity: 2 },
  ])
  const path = `/v2/transactions/${id}/codes`
  const shown = await eventually(
    async () => (await shop.client.get<{ final: boolean; codes: { code: string }[] }>(path)).body,
    (codes) => codes.final,
  )
  expect(shown.codes).toHaveLength(5)
  await shop.advance('PT30H')
  const answers = await askForTrouble(shop, shown.codes[0]?.code ?? '')
  await rotate(stack.database.db, createLocalKeyProvider(stack.config.keys.encryption), {
    settle: () => Promise.resolve(),
    progress: () => ({ add: () => undefined, done: () => 0 }),
  })

  const canaries = new Map<string, string>([
    ...shop.codes.map((code, index) => [`pooled code ${index}`, code] as const),
    ...shown.codes.map(({ code }, index) => [`delivered code ${index}`, code] as const),
    ['webhook secret', WEBHOOK_SECRET],
    ['API key', shop.account.key],
    ['stored secret', answers.storedSecret],
    ...keyCanaries(stack.config.keys),
  ])
  const places = await readEverything()
  expect(
    [...places.keys()].filter((place) => place.startsWith('history transaction/')),
  ).toHaveLength(1)
  expect(
    [...places.keys()].filter((place) => place.startsWith('history purchase-order/')),
  ).toHaveLength(1)
  expect(places.get('webhook /hook')).toContain('order.fulfilled')
  expect(places.get('table invoice_documents')?.length).toBeGreaterThan(1_000)
  expect(places.get('text of the invoices')).toContain(shop.pooled.sku)
  expect(logLines.length).toBeGreaterThan(5)
  expect(places.get('table data_keys')).toContain(shop.account.accountId)
  expect(places.get('table idempotency_keys')).toContain('canary-key')
  expect(answers.errors.length).toBeGreaterThan(3)
  for (const canary of canaries.values()) {
    for (const error of answers.errors) expect(error).not.toContain(canary)
  }
  expect(await findLeaks(canaries)).toEqual([])

  // The scan sees what it looks for: in plain text, in stored bytes, and in a workflow's payload.
  const [code = ''] = shop.codes
  await shop.client.post('/v2/customers', { email: 'leak@example.com', metadata: { note: code } })
  await stack.database.pool.query('update webhooks set description = $1', [WEBHOOK_SECRET])
  await stack.database.pool.query(
    `insert into invoice_documents (account_id, invoice_id, format, content, sha256)
     select account_id, id, 'ubl', $1, sha256('x') from invoices limit 1
     on conflict do nothing`,
    [Buffer.from(`<Note>${shop.codes[1]}</Note>`)],
  )
  await stack.temporal.workflow.start('sweep', {
    workflowId: `leak-${id}`,
    taskQueue: stack.config.temporal.taskQueue,
    args: [{ secret: shop.codes[2] }],
    typedSearchAttributes: [{ key: barkAccount, value: shop.account.accountId }],
  })
  const leaks = await eventually(
    () => findLeaks(canaries),
    (found) => found.some((leak) => leak.includes('history')),
  )
  expect(leaks).toEqual(
    expect.arrayContaining([
      'pooled code 0 in table customers',
      'webhook secret in table webhooks',
      'pooled code 1 in table invoice_documents',
      `pooled code 2 in history leak-${id}`,
    ]),
  )
}, 90_000)
