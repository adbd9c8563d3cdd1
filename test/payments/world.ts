import { sql } from 'kysely'
import type { renderPayment, renderRefund } from '../../wire/payment.ts'
import { createClient, type TestAnswer, type TestClient } from '../api/client.ts'
import { makeAccount, makeCustomer, type TestAccount } from '../factories.ts'
import { eventually, type Stack } from '../harness.ts'
import type { PspEntry } from '../sandbox/psp-process.ts'

export type Payment = ReturnType<typeof renderPayment>
export type Refund = ReturnType<typeof renderRefund>

/** An account that takes payments, and what both sides know of its money. */
export type Till = {
  account: TestAccount
  customerId: string
  client: TestClient
  /** The account's name at the payment service. */
  connected: string
  create(body?: Record<string, unknown>, wait?: number): Promise<Payment>
  post<Shape = Payment>(path: string, body?: unknown, wait?: number): Promise<TestAnswer<Shape>>
  payment(id: string): Promise<Payment>
  refund(id: string): Promise<Refund>
  /** Waits until a payment has one of these statuses. */
  until(id: string, ...statuses: Payment['status'][]): Promise<Payment>
  ledger(): Promise<PspEntry[]>
  events(): Promise<string[]>
  advance(by: string, withinMs?: number): Promise<void>
}

export async function openTill(
  stack: Stack,
  options: Parameters<typeof makeAccount>[1] = {},
): Promise<Till> {
  const account = await makeAccount(stack.database, options)
  const customerId = await makeCustomer(stack.database, account.accountId)
  const client = createClient(stack.apiUrl, account.key)
  const connected = account.accountId.replace(/^acc_/, 'acct_')
  // A busy machine may need longer than any client waits: then the outcome is read afterwards.
  const post: Till['post'] = async (path, body, wait = 0) => {
    const once = wait === 0 ? {} : { headers: { Prefer: `wait=${wait}` } }
    const answer = await eventually(
      () => client.post<{ id: string }>(path, body, once),
      ({ status }) => status !== 503, // nobody had time, and nothing was written
    )
    if (wait === 0 || answer.status !== 201) return answer as never
    await eventually(
      () =>
        stack.database.db
          .selectFrom('payment_operations')
          .select('id')
          .where('account_id', '=', account.accountId)
          .where('ended_at', 'is', null)
          .execute(),
      (open) => open.length === 0,
    )
    const { id } = answer.body
    const at = id.startsWith('re_') ? `/v2/refunds/${id}` : `/v2/payments/intents/${id}`
    return { ...answer, body: (await client.get(at)).body } as never
  }
  const payment = async (id: string) =>
    (await client.get<Payment>(`/v2/payments/intents/${id}`)).body
  return {
    account,
    customerId,
    client,
    connected,
    post,
    payment,
    async create(body = {}, wait = 10) {
      const answer = await post(
        '/v2/payments/intents',
        { amount: 19_999, currency: 'usd', payment_method: 'pm_card_visa', ...body },
        wait,
      )
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.bytes}`)
      return answer.body
    },
    refund: async (id) => (await client.get<Refund>(`/v2/refunds/${id}`)).body,
    until: (id, ...statuses) =>
      eventually(
        () => payment(id),
        ({ status }) => statuses.includes(status),
      ),
    ledger: () => stack.psp().ledger(connected),
    async events() {
      const { rows } = await sql<{ type: string }>`select type from events
        where account_id = ${account.accountId} order by xid, id`.execute(stack.database.db)
      return rows.map(({ type }) => type)
    },
    async advance(by, withinMs = 20_000) {
      const answer = await client.post('/v2/test_clock', { advance: by })
      if (answer.status !== 201) throw new Error(`test clock: ${answer.status} ${answer.bytes}`)
      await eventually(
        async () => (await client.get<{ status: string }>('/v2/test_clock')).body,
        (clock) => clock.status === 'ready',
        withinMs,
      )
    },
  }
}

/** What breaks a promise about the money of an account; empty when all agree to the cent. */
export async function findDifferences(stack: Stack, till: Till): Promise<string[]> {
  const { rows } = await sql<{
    captured: bigint
    fees: bigint
    clearing: bigint
    refunded: bigint
    broken: string[] | null
  }>`select coalesce(sum(captured_minor), 0)::bigint as captured,
      (select coalesce(sum(e.amount_minor), 0)::bigint from entries e
        join ledger_accounts a on a.id = e.ledger_account_id
        where a.account_id = ${till.account.accountId} and a.kind = 'psp_fees') as fees,
      coalesce(sum(refunded_minor), 0)::bigint as refunded,
      (select coalesce(sum(e.amount_minor), 0)::bigint from entries e
        join ledger_accounts a on a.id = e.ledger_account_id
        where a.account_id = ${till.account.accountId} and a.kind = 'psp_clearing') as clearing,
      array_agg(id) filter (where not (refunded_minor + refund_held_minor <= captured_minor
        and captured_minor <= authorized_minor and authorized_minor <= amount_minor)) as broken
    from payment_intents where account_id = ${till.account.accountId}`.execute(stack.database.db)
  const [ours] = rows
  const entries = await till.ledger()
  const sum = (type: string) =>
    entries.filter((entry) => entry.type === type).reduce((all, { amount }) => all + amount, 0)
  const theirs = {
    captured: sum('charge'),
    refunded: -sum('refund') - sum('refund_failure'),
    fees: entries.reduce((all, { fee }) => all + fee, 0),
    clearing: entries.reduce((all, { net }) => all + net, 0),
  }
  return [
    ...(ours?.broken ?? []).map((id) => `${id} breaks refunded ≤ captured ≤ authorised`),
    ...(['captured', 'refunded', 'fees', 'clearing'] as const).flatMap((name) =>
      Number(ours?.[name]) === theirs[name]
        ? []
        : [`${name}: ours ${ours?.[name]}, theirs ${theirs[name]}`],
    ),
  ]
}
