import { sql } from 'kysely'
import type { Cluster } from './cluster.ts'
import type { Violation } from './invariants.ts'
import { fieldsOf, listOf } from './json.ts'
import type { Told } from './merchant.ts'

type Place = Pick<Cluster, 'database' | 'pspControlUrl'>

/** What the payment service's own books say of one of its payments, in minor units. */
type Theirs = { id: string; amount: number; captures: number[]; refunds: number[] }

/**
 * I11, I12, I13: the payment service's own ledger against the payments, refunds and the ledger of the
 * account, to the cent, and both against what the client was told. Everything has drained.
 */
export async function checkMoney(
  place: Place,
  told: Pick<Told, 'accountId' | 'payments'>,
): Promise<Violation[]> {
  const ours = await readPayments(place, told.accountId)
  const connected = told.accountId.replace(/^acc_/, 'acct_')
  const entries = await readEntries(place, connected)
  const theirs = await readTheirs(place, connected, entries)
  const violations: Violation[] = []
  const report = (invariant: string, what: string, rows: unknown[]) => {
    if (rows.length > 0) violations.push({ invariant, what, rows: rows.slice(0, 5) })
  }
  const known = new Map(theirs.map((each) => [each.id, each]))
  report(
    'I13',
    'captured more than once',
    theirs.filter(({ captures }) => captures.length > 1),
  )
  report(
    'I13',
    'a payment under two names at the provider',
    theirs.filter(({ id }) => !ours.some((own) => own.provider_id === id)),
  )
  report(
    'I12',
    'refunded more than captured, or captured more than agreed, at the provider',
    theirs.filter(
      ({ amount, captures, refunds }) =>
        sumOf(refunds) > sumOf(captures) || sumOf(captures) > amount,
    ),
  )
  report(
    'I12',
    'refunded ≤ captured ≤ authorised does not hold',
    ours.filter(
      (own) =>
        own.refunded + own.held > own.captured ||
        own.captured > own.authorized ||
        own.authorized > own.amount,
    ),
  )
  report(
    'I11',
    'captured and refunded are not what the provider says',
    ours.filter((own) => {
      const there = known.get(own.provider_id ?? '')
      return (
        own.captured !== sumOf(there?.captures ?? []) ||
        own.refunded !== sumOf(there?.refunds ?? [])
      )
    }),
  )
  const clearing = await readClearing(place, told.accountId)
  const balance = sumOf(entries.map(({ net }) => net))
  report(
    'I11',
    'the ledger is not the balance at the provider',
    clearing === balance ? [] : [{ clearing, balance }],
  )
  const paid = told.payments.map(({ id, capturedMinor, refundedMinor }) => {
    const own = ours.find((each) => each.id === id)
    return { id, capturedMinor, refundedMinor, captured: own?.captured, refunded: own?.refunded }
  })
  report(
    'I11',
    'what the client asked for was not done, or was done more than once',
    paid.filter(
      (each) => each.captured !== each.capturedMinor || each.refunded !== each.refundedMinor,
    ),
  )
  report(
    'I11',
    'a payment that nobody asked for',
    ours.filter(({ id }) => !told.payments.some((each) => each.id === id)),
  )
  return violations
}

async function readPayments({ database }: Place, accountId: string) {
  const rows = await database.db
    .selectFrom('payment_intents')
    .selectAll()
    .where('account_id', '=', accountId)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    provider_id: row.provider_id,
    amount: Number(row.amount_minor),
    authorized: Number(row.authorized_minor),
    captured: Number(row.captured_minor),
    refunded: Number(row.refunded_minor),
    held: Number(row.refund_held_minor),
  }))
}

async function readClearing({ database }: Place, accountId: string): Promise<number> {
  const { rows } = await sql<{ minor: bigint }>`
    select coalesce(sum(e.amount_minor), 0)::bigint as minor
    from entries e join ledger_accounts a on a.id = e.ledger_account_id
    where a.account_id = ${accountId} and a.kind = 'psp_clearing'`.execute(database.db)
  return Number(rows[0]?.minor)
}

async function readEntries({ pspControlUrl }: Place, account: string) {
  const response = await fetch(`${pspControlUrl}/sandbox/ledger?account=${account}`)
  return listOf(fieldsOf(await response.json())['entries']).map((each) => {
    const { type, amount, net, source } = fieldsOf(each)
    return {
      type: String(type),
      amount: Number(amount),
      net: Number(net),
      source: String(source),
    }
  })
}

/** The service's payments with the lines of its ledger that are theirs. */
async function readTheirs(
  { pspControlUrl }: Place,
  account: string,
  entries: Awaited<ReturnType<typeof readEntries>>,
): Promise<Theirs[]> {
  const list = async (path: string) => {
    const response = await fetch(`${pspControlUrl}${path}?limit=100`, {
      headers: { Authorization: 'Bearer sk_test_sandbox', 'Stripe-Account': account },
    })
    return listOf(fieldsOf(await response.json())['data']).map(fieldsOf)
  }
  const refunds = await list('/v1/refunds')
  return (await list('/v1/payment_intents')).map((intent) => {
    const { id, amount, latest_charge: charge } = intent
    const own = refunds.filter((refund) => refund['payment_intent'] === id)
    const sources = new Set([String(charge), ...own.map((refund) => String(refund['id']))])
    const booked = (type: string, sign: 1 | -1): number[] =>
      entries
        .filter((entry) => entry.type === type && sources.has(entry.source))
        .map((entry) => sign * entry.amount)
    return {
      id: String(id),
      amount: Number(amount),
      captures: booked('charge', 1),
      refunds: booked('refund', -1),
    }
  })
}

function sumOf(amounts: number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0)
}
