import { sql } from 'kysely'
import type { Pool } from 'pg'
import {
  DELIVERED_UNIT_STATES,
  OPEN_UNIT_STATES,
  type Tally,
  type UnitCounts,
} from '../domain/order-status.ts'
import type { UnitState } from '../domain/unit.ts'
import { runNamed, type Db } from './client.ts'
import type { Owner } from './purchase-order-views.ts'

/** A unit of a transaction and its code, still sealed; the last seven are null without a code. */
export type UnitCodeRow = {
  unit_id: string
  position: number
  product_id: string
  variant_id: string | null
  sku: string
  /** The unit whose code this one replaces. */
  replaces_unit_id: string | null
  state: UnitState
  reason: string | null
  code_id: string | null
  type: 'code' | 'code_pin' | 'url' | null
  sealed: Buffer | null
  key_version: number | null
  expires_at: Date | null
  activation_at: Date | null
  face_value: string | null
}

/** Who asks for the codes of which transaction, and the ETag of the list that he has. */
export type CodeListQuestion = { owner: Owner; transactionId: string; knownTag: string | null }

/** How the units count, and the units themselves unless the client has this very list. */
export type CodeListRows = Omit<Tally, 'requested'> & {
  /** Quoted; the same for as long as nothing in the list changes. */
  tag: string
  units: UnitCodeRow[] | null
}

// The ETag is made of everything that can change, read in the statement that answers: a code itself
// never changes, so its id stands for it. Nothing is remembered, so nothing can be out of date.
const CODE_LISTS = {
  name: 'read_code_lists',
  text: `
    select asked.n::integer, list.*, unit.*
    from unnest($1::text[], $2::text[], $3::text[], $4::text[])
      with ordinality as asked (account_id, customer_id, transaction_id, known_tag, n)
    join transactions t on t.account_id = asked.account_id and t.id = asked.transaction_id
      and (asked.customer_id is null or t.customer_id = asked.customer_id)
    cross join lateral (
      select
        '"' || translate(left(encode(sha256(convert_to(string_agg(
          row(u.id, u.state, u.reason, c.id)::text, '' order by u.position), 'UTF8')), 'base64'), 27),
          '+/', '-_') || '"' as tag,
        count(*) filter (where u.state = any ($5))::integer as remaining,
        count(*) filter (where u.state = any ($6))::integer as delivered,
        count(*) filter (where u.state = 'failed')::integer as failed,
        count(*) filter (where u.state = 'cancelled')::integer as cancelled
      from units u left join codes c on c.account_id = u.account_id and c.unit_id = u.id
      where u.account_id = t.account_id and u.transaction_id = t.id
    ) list
    left join lateral (
      select u.id as unit_id, u.position, u.product_id, nullif(u.variant_id, '') as variant_id, l.sku,
        u.replaces_unit_id, u.state, u.reason, c.id as code_id, c.type, c.sealed, c.key_version,
        c.expires_at, c.activation_at, c.face_value
      from units u
      join lines l on l.account_id = u.account_id and l.id = u.line_id
      left join codes c on c.account_id = u.account_id and c.unit_id = u.id
      where u.account_id = t.account_id and u.transaction_id = t.id
        and asked.known_tag is distinct from list.tag
      order by u.position
    ) unit on true
    order by asked.n, unit.position`,
}

type CodeListRow = Omit<CodeListRows, 'units'> & { n: number } & (UnitCodeRow | { unit_id: null })

/**
 * The lists of many transactions, each as it is once the question is asked; null where the owner has
 * no such transaction. Every unit in stable order. One statement.
 */
export async function readCodeLists(
  pool: Pool,
  questions: CodeListQuestion[],
): Promise<(CodeListRows | null)[]> {
  const rows = await runNamed<CodeListRow>(pool, CODE_LISTS, [
    questions.map(({ owner }) => owner.accountId),
    questions.map(({ owner }) => owner.customerId),
    questions.map(({ transactionId }) => transactionId),
    questions.map(({ knownTag }) => knownTag),
    OPEN_UNIT_STATES,
    DELIVERED_UNIT_STATES,
  ])
  const lists: (CodeListRows | null)[] = questions.map(() => null)
  for (const row of rows) {
    const { n, tag, remaining, delivered, failed, cancelled } = row
    const list = lists[n - 1] ?? { tag, remaining, delivered, failed, cancelled, units: null }
    if (row.unit_id !== null) {
      list.units ??= []
      list.units.push(row)
    }
    lists[n - 1] = list
  }
  return lists
}

/** Who was shown which codes, when and from where. */
export type CodeReveal = {
  accountId: string
  transactionId: string
  keyId: string
  address: string
  requestId: string
  codeIds: string[]
}

// An array of arrays would have to be even: the ids of one reveal travel as one text.
const REVEALS = {
  name: 'insert_code_reveals',
  text: `insert into code_reveals (account_id, transaction_id, key_id, address, request_id, code_ids)
    select account_id, transaction_id, key_id, address, request_id, string_to_array(code_ids, ' ')
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      as shown (account_id, transaction_id, key_id, address, request_id, code_ids)`,
}

/**
 * Writes audit rows; they must be there before the answers leave. Not idempotent: each show counts.
 * One statement.
 */
export async function insertCodeReveals(pool: Pool, reveals: CodeReveal[]): Promise<void> {
  await runNamed(pool, REVEALS, [
    reveals.map(({ accountId }) => accountId),
    reveals.map(({ transactionId }) => transactionId),
    reveals.map(({ keyId }) => keyId),
    reveals.map(({ address }) => address),
    reveals.map(({ requestId }) => requestId),
    reveals.map(({ codeIds }) => codeIds.join(' ')),
  ])
}

/**
 * The units of many transactions by state, for the one poller that watches them. No owner: the
 * caller has checked each id's owner before it waits, and only counts leave.
 */
export async function listUnitCounts(
  db: Db,
  transactionIds: string[],
): Promise<Map<string, UnitCounts>> {
  const { rows } = await sql<{ transaction_id: string; units: UnitCounts }>`
    select transaction_id, jsonb_object_agg(state, n) as units
    from (
      select transaction_id, state, count(*) as n from units
      where transaction_id = any(${transactionIds}::text[]) group by transaction_id, state
    ) counted group by transaction_id`.execute(db)
  return new Map(rows.map((row) => [row.transaction_id, row.units]))
}
