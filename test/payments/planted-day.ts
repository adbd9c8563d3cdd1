import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '../../new-id.ts'
import type { Entry } from '../../sandbox/psp-store.ts'
import type { Database } from '../../db/client.ts'

/** A day of payments on both sides, with differences planted into it. */

export const PLANTED = {
  missing_here: 10,
  missing_there: 10,
  amount_mismatch: 10,
  status_mismatch: 10,
} as const
type Kind = keyof typeof PLANTED

type Twin = {
  id: string
  providerId: string
  atMs: number
  amount: number
  fee: number
  state: 'succeeded' | 'requires_capture' | 'cancelled' | 'failed'
  planted: Kind | null
  /** Ours is at work on it: the sides may differ. */
  busy: boolean
}

const STATES = [
  'succeeded',
  'succeeded',
  'succeeded',
  'requires_capture',
  'cancelled',
  'failed',
] as const
const KINDS: readonly Kind[] = Object.entries(PLANTED).flatMap(([kind, count]) =>
  Array.from({ length: count }, () => kind as Kind),
)
const DAY_MS = 86_400_000

/** `count` payments spread over a UTC day; some seconds lie beyond midnight on one side only. */
export function planDay(date: string, count: number): Twin[] {
  const startMs = Date.parse(`${date}T00:00:00Z`)
  return Array.from({ length: count }, (_, index) => {
    const planted = index % 7 === 0 ? (KINDS[index / 7] ?? null) : null
    const amount = 1_000 + ((index * 7_919) % 90_000)
    return {
      id: newId('paymentIntent'),
      providerId: `pi_planted_${index}`,
      atMs: startMs + Math.floor((index / count) * (DAY_MS - 2_000)) + 1_000,
      amount,
      fee: Math.round(amount * 0.029) + 30,
      state: planted === null ? (STATES[index % STATES.length] ?? 'succeeded') : 'succeeded',
      planted,
      busy: planted === null && index % 50 === 1,
    }
  })
}

/** The provider's file with its side of the day. */
export async function writeTheirSide(account: string, twins: Twin[]): Promise<string> {
  const lines = twins
    .filter(({ planted }) => planted !== 'missing_there')
    .flatMap((twin) => theirEntries(account, twin))
  const path = join(await mkdtemp(join(tmpdir(), 'bark-planted-day-')), 'psp.jsonl')
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return path
}

const THEIR_STATUS = {
  succeeded: 'succeeded',
  requires_capture: 'requires_capture',
  cancelled: 'canceled',
  failed: 'requires_payment_method',
} as const

function theirEntries(account: string, twin: Twin): Entry[] {
  const { providerId, amount, fee, planted } = twin
  // Every other status that differs: ours waits for a capture that theirs has made, or the reverse.
  const state =
    planted === 'status_mismatch' && twin.amount % 2 === 0 ? 'requires_capture' : twin.state
  const isCaptured = state === 'succeeded'
  const created = Math.floor(twin.atMs / 1000)
  const owned = { account, created, currency: 'usd' }
  const charge = `ch_${providerId}`
  return [
    {
      kind: 'payment_intent',
      object: {
        ...owned,
        id: providerId,
        amount,
        amount_capturable: state === 'requires_capture' ? amount : 0,
        amount_received: isCaptured ? amount : 0,
        capture_method: 'automatic',
        status: THEIR_STATUS[state],
        payment_method: null,
        payment_method_types: ['card'],
        latest_charge: isCaptured ? charge : null,
        last_payment_error: null,
        action_url: null,
        return_url: null,
        canceled_at: null,
        cancellation_reason: null,
        metadata: planted === 'missing_here' ? {} : { bark_payment: twin.id },
      },
    },
    ...(isCaptured
      ? [
          {
            kind: 'charge' as const,
            object: {
              ...owned,
              id: charge,
              amount,
              amount_captured: amount,
              amount_refunded: 0,
              captured: true,
              payment_intent: providerId,
              payment_method: 'pm_card_visa',
              balance_transaction: `txn_${providerId}`,
              disputed: false,
              capture_before: null,
              metadata: {},
            },
          },
          {
            kind: 'balance_transaction' as const,
            object: {
              ...owned,
              id: `txn_${providerId}`,
              type: 'charge' as const,
              reporting_category: 'charge',
              amount,
              fee,
              net: amount - fee,
              source: charge,
            },
          },
        ]
      : []),
  ]
}

/** Our rows and our ledger of the day. */
export async function writeOurSide(
  { pool }: Database,
  accountId: string,
  twins: Twin[],
): Promise<void> {
  const rows = twins.filter(({ planted }) => planted !== 'missing_here').map(ourRow)
  await pool.query(
    `insert into payment_intents (id, account_id, amount_minor, currency, capture_method, method,
       state, provider_id, authorized_minor, captured_minor, fee_minor, state_since, created_at, ended_at)
     select r.id, $1, r.amount, 'USD', 'automatic', 'card', r.state, r.provider_id, r.amount,
       r.captured, r.fee, r.at, r.at, r.at
     from jsonb_to_recordset($2::jsonb) as r (id text, amount bigint, state text, provider_id text,
       captured bigint, fee bigint, at timestamptz)`,
    [accountId, JSON.stringify(rows)],
  )
  await pool.query(
    `select post_journal($1, null, 'USD', 'payment_captured', id,
         jsonb_build_object('amount', captured_minor), created_at),
       post_journal($1, null, 'USD', 'psp_fee_charged', id,
         jsonb_build_object('amount', fee_minor), created_at)
     from payment_intents where account_id = $1 and captured_minor > 0`,
    [accountId],
  )
  await pool.query(
    `update payment_intents set refresh_wanted_at = created_at where account_id = $1 and id = any($2)`,
    [accountId, twins.filter(({ busy }) => busy).map(({ id }) => id)],
  )
}

function ourRow(twin: Twin) {
  const { planted } = twin
  const isOurs = planted === 'status_mismatch' && twin.amount % 2 === 1
  const state = isOurs || twin.busy ? 'requires_capture' : twin.state
  const less = planted === 'amount_mismatch' ? 100 : 0
  const isCaptured = state === 'succeeded'
  // Our clock is a little ahead: what they made just before midnight, we noted just after it.
  const skewMs = twin.atMs % 5 === 0 ? 1_500 : 0
  return {
    id: twin.id,
    amount: twin.amount,
    state,
    provider_id: twin.providerId,
    captured: isCaptured ? twin.amount - less : 0,
    fee: isCaptured ? twin.fee : 0,
    at: new Date(twin.atMs + skewMs).toISOString(),
  }
}
