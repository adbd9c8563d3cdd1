import { createHash, randomUUID } from 'node:crypto'
import type { Database } from '../../db/client.ts'
import type { OrderOutcome, OrderRequest } from '../../db/order-acceptance.ts'
import { DomainError } from '../../domain/error.ts'
import { newId } from '../../new-id.ts'
import type { Random } from '../faults/random.ts'
import { makeAccount, makeCustomer, makeProduct, makeVariant } from '../factories.ts'
import { orderRequest } from '../order-request.ts'

/**
 * Two accounts with the same customers and products under the same words, and orders in those words:
 * what happens to both must read the same.
 */
export type Twin = {
  accountId: string
  /** Real ids by word, and back. */
  ids: Map<string, string>
  words: Map<string, string>
  /** Chooses orders of different customers and keys; some repeat what was chosen before. */
  wishes(random: Random, count: number): Wish[]
  /** So many orders that nothing speaks against, with keys, of different customers. */
  plain(count: number): OrderRequest[]
  /** Outcomes with words for ids. */
  name(outcomes: readonly OrderOutcome[]): unknown
}

/** An order whose ids are words. */
export type Wish = Omit<OrderRequest, 'account_id' | 'content_hash'>

const CUSTOMERS = ['rich', 'plain', 'other', 'poor', 'new', 'resting', 'far', 'last', 'nobody']
const IN_FOUR_DAYS = new Date(Date.now() + 4 * 86_400_000).toISOString()

export async function openTwins(database: Database): Promise<[Twin, Twin]> {
  return [await openTwin(database), await openTwin(database)]
}

async function openTwin(database: Database): Promise<Twin> {
  const { accountId } = await makeAccount(database)
  const ids = new Map<string, string>([['account', accountId]])
  const customer = async (word: string, options: Parameters<typeof makeCustomer>[2] = {}) => {
    ids.set(word, await makeCustomer(database, accountId, { company: word, ...options }))
  }
  for (const word of ['rich', 'plain', 'other', 'last']) await customer(word)
  await customer('poor', { creditLimits: { USD: 12_000n } })
  await customer('new', { creditLimits: {} })
  await customer('resting', { status: 'inactive' })
  await customer('far', { timeZone: 'Pacific/Kiritimati' })
  const product = async (word: string, options: Parameters<typeof makeProduct>[2] = {}) => {
    const { id } = await makeProduct(database, accountId, { sku: word, name: word, ...options })
    ids.set(`product ${word}`, id)
    return id
  }
  await product('card')
  await product('cheap', { priceMinor: 0n })
  await product('euro', { currency: 'EUR', priceMinor: 250n })
  await product('draft', { status: 'draft' })
  await product('box', { fulfillmentType: 'physical' })
  const varied = await product('varied')
  const variant = await makeVariant(database, accountId, varied, { sku: 'big', priceMinor: 777n })
  ids.set('variant big', variant.id)
  await database.pool.query(
    `insert into webhooks (id, account_id, url, events) values ($1, $2, 'https://x.example', '{order.*}')`,
    [newId('webhook'), accountId],
  )
  const words = new Map([...ids].map(([word, id]) => [id, word]))
  const twin: Twin = {
    accountId,
    ids,
    words,
    wishes: createWisher(),
    plain: (count) =>
      requestsOf(
        twin,
        CUSTOMERS.slice(0, 3)
          .concat('last', 'far')
          .slice(0, count)
          .map((word) => wish(word, [{ sku: 'card', quantity: 2 }], { key: randomUUID() })),
      ),
    name: (outcomes) => outcomes.map((outcome) => nameOutcome(twin, outcome)),
  }
  return twin
}

type Item = {
  sku?: string
  product_id?: string
  variant_id?: string
  quantity: number
  price?: string
}

function wish(
  customer: string,
  items: readonly Item[],
  { key = null, ...over }: Partial<Wish> & { key?: string | null } = {},
): Wish {
  const { account_id: _account, content_hash: _hash, ...blank } = orderRequest()
  return {
    ...blank,
    customer_id: customer,
    transaction_id: newId('transaction'),
    idempotency_key: key,
    items: items.map((item) => ({
      product_id: item.product_id ?? null,
      sku: item.sku ?? null,
      variant_id: item.variant_id ?? null,
      quantity: item.quantity,
      price: item.price ?? null,
    })),
    ...over,
  }
}

const ITEMS: readonly Item[] = [
  { sku: 'card', quantity: 1 },
  { sku: 'card', quantity: 1, price: '49.99' },
  { sku: 'cheap', quantity: 3 },
  { product_id: 'product card', quantity: 2 },
  { sku: 'big', quantity: 2 },
  { product_id: 'product varied', variant_id: 'variant big', quantity: 1 },
]
const ODD_ITEMS: readonly Item[] = [
  { sku: 'euro', quantity: 2 },
  { sku: 'draft', quantity: 1 },
  { sku: 'box', quantity: 1 },
  { sku: 'nothing', quantity: 1 },
  { product_id: 'product card', variant_id: 'variant big', quantity: 1 },
  { sku: 'card', quantity: 1, price: '49.98' },
  { sku: 'card', quantity: 1, price: '1.001' },
]
const PAYING = { token: null, within_seconds: 900, currencies: null }

/** Some orders plain, some odd, some that repeat an earlier one under its key or its reference. */
function createWisher(): Twin['wishes'] {
  const earlier: Wish[] = []
  const batches: Wish[][] = []
  return (random, count) => {
    // Every fourth time all of an earlier batch once more: those with a key or a reference are replays.
    if (batches.length % 4 === 3) {
      const again = random
        .pick(batches)
        .map((each) => ({ ...each, transaction_id: newId('transaction') }))
      batches.push(again)
      return again
    }
    const chosen: Wish[] = []
    for (const customer of random.shuffle(CUSTOMERS).slice(0, count)) {
      const before = earlier.filter((each) => each.customer_id === customer)
      const isOdd = random.integer(3) === 0
      const items = Array.from({ length: 1 + random.integer(3) }, () =>
        random.pick(isOdd ? [...ITEMS, ...ODD_ITEMS] : ITEMS),
      )
      const fresh = wish(customer, items, {
        key: random.integer(2) === 0 ? randomUUID() : null,
        client_reference: random.integer(3) === 0 ? randomUUID() : null,
        price_override: random.integer(4) === 0,
        currency: random.pick([null, null, 'USD']),
        deadline: random.pick([null, null, IN_FOUR_DAYS, isOdd ? '2001-01-01T00:00:00Z' : null]),
        metadata: { n: String(random.integer(100)) },
        ...random.pick([
          {},
          {},
          { payment_method: 'card', paying: PAYING },
          { payment_method: 'card', paying: { ...PAYING, currencies: ['EUR'], token: 'pm_x' } },
        ]),
      })
      const repeated = before.length > 0 && random.integer(3) === 0 ? random.pick(before) : null
      const { idempotency_key, client_reference } = repeated ?? fresh
      const next = random.pick([
        fresh,
        { ...(repeated ?? fresh), transaction_id: fresh.transaction_id },
        {
          ...(repeated ?? fresh),
          idempotency_key: fresh.idempotency_key,
          transaction_id: fresh.transaction_id,
        },
        { ...fresh, idempotency_key },
        { ...fresh, client_reference },
      ])
      chosen.push(next)
    }
    earlier.push(...chosen)
    batches.push(chosen)
    return chosen
  }
}

/** The same orders in the ids of one of the two; the words remember whose they are. */
export function requestsOf(twin: Twin, wishes: readonly Wish[]): OrderRequest[] {
  return wishes.map((each) => {
    const id = newId('transaction')
    twin.words.set(id, `order ${each.transaction_id}`)
    // As in the route: neither the key nor what the server decides is content.
    const { customer_id, client_reference, currency, payment_method, deadline, metadata } = each
    const content = [
      customer_id,
      client_reference,
      currency,
      payment_method,
      deadline,
      metadata,
      each.items,
    ]
    const real = (word: string | null) => (word === null ? null : (twin.ids.get(word) ?? word))
    return {
      ...each,
      account_id: twin.accountId,
      transaction_id: id,
      customer_id: real(each.customer_id) ?? '',
      content_hash: createHash('sha256').update(JSON.stringify(content)).digest('hex'),
      items: each.items.map((item) => ({
        ...item,
        product_id: real(item.product_id),
        variant_id: real(item.variant_id),
      })),
    }
  })
}

function nameOutcome(twin: Twin, outcome: OrderOutcome): unknown {
  if (outcome === 'locked') return outcome
  if (outcome instanceof DomainError) {
    return inWords(twin, { reason: outcome.reason, message: outcome.message, ...outcome.detail })
  }
  return inWords(twin, outcome)
}

const TABLES = [
  'transactions',
  'lines',
  'units',
  'purchase_orders',
  'customer_balances',
  'idempotency_keys',
  'ledger_accounts',
  'journals',
  'entries',
  'events',
  'deliveries',
  'outbox',
] as const

/** All that orders have written for an account, in words, without the order of the rows. */
export async function snapshotOf(database: Database, twin: Twin): Promise<Record<string, unknown>> {
  const { pool } = database
  const words = new Map(twin.words)
  const name = async (text: string) => {
    const { rows } = await pool.query<{ id: string; word: string }>(text, [twin.accountId])
    for (const { id, word } of rows) words.set(id, inWords({ words }, word))
  }
  await name(`select id, customer_id || currency || business_date || sequence as word
    from purchase_orders where account_id = $1`)
  await name(
    `select id, transaction_id || ' line ' || position as word from lines where account_id = $1`,
  )
  await name(
    `select id, transaction_id || ' unit ' || position as word from units where account_id = $1`,
  )
  await name(`select id, kind || source_id as word from journals where account_id = $1`)
  await name(
    `select id, owner_id || currency || kind as word from ledger_accounts where account_id = $1`,
  )
  await name(`select id, type || object_id || sequence as word from events where account_id = $1`)
  await name(`select id, 'webhook' as word from webhooks where account_id = $1`)
  await name(`select id, 'delivery of ' || event_id as word from deliveries where account_id = $1`)
  const written: Record<string, unknown> = {}
  for (const table of TABLES) {
    const { rows } = await pool.query<{ row: string }>(
      `select (to_jsonb(t) - 'xid' ${table === 'outbox' ? "- 'id'" : ''})::text as row
       from ${table} t where account_id = $1`,
      [twin.accountId],
    )
    written[table] = rows.map(({ row }) => inWords({ words }, row)).sort()
  }
  return written
}

/** A value printed as JSON with words for ids; instants are only instants, ids without a word only ids. */
function inWords<T>({ words }: Pick<Twin, 'words'>, value: T): T extends string ? string : unknown
function inWords({ words }: Pick<Twin, 'words'>, value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const named = text
    .replaceAll(/[a-z]{2,6}_[0-9a-f]{26}/g, (id) => words.get(id) ?? 'an id')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:?\d\d)?|Z)?/g, 'an instant')
  return typeof value === 'string' ? named : JSON.parse(named)
}
