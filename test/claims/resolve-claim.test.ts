import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDatabase } from '../faults/invariants.ts'
import { reconcile } from '../../db/reconciliation.ts'
import { importCodes } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import * as contract from '../../workflows/contract.ts'
import { repeatEach } from '../workflows/steps.ts'

/** `resolveClaim` through Temporal, against the sandbox supplier; every step runs twice. */
let stack: Stack
let shop: OpenShop
beforeAll(async () => {
  stack = await startStack('claims', { supplier: true, psp: true, wrap: repeatEach })
  shop = await openShop(stack)
})
afterAll(() => stack.stop())

type Unit = {
  unit_id: string
  state: string
  reason: string | null
  code: string
  replaces: string | null
}
type List = { requested: number; delivered: number; status: string; codes: Unit[] }
type Claim = { id: string; status: string; unit_id: string; replacement_unit_id: string | null }

const listOf = async (id: string) =>
  (await shop.client.get<List>(`/v2/transactions/${id}/codes`)).body

/** An order of two with its codes, the first of which is claimed. */
async function claimed(sku: string) {
  return claimUnit(await shop.order([{ sku, quantity: 2 }]), 0)
}

/** Claims the nth code of an order, once all are there. */
async function claimUnit(id: string, nth: number) {
  const list = await eventually(
    () => listOf(id),
    ({ status }) => status === 'complete',
  )
  const unit = list.codes[nth]?.unit_id ?? ''
  const path = `/v2/transactions/${id}/units/${unit}/claim`
  const { body: claim } = await shop.client.post<Claim>(path, { reason: 'already redeemed' })
  expect(claim).toMatchObject({ status: 'open', unit_id: unit })
  const handle = stack.temporal.workflow.getHandle(contract.claimWorkflowId(claim.id))
  const ended = () =>
    eventually(
      async () => (await shop.client.get<Claim>(`/v2/claims/${claim.id}`)).body,
      ({ status }) => status !== 'open',
    )
  const waits = () =>
    eventually(
      () => handle.query(contract.waitingFor).catch(() => null),
      (seen) => seen !== null && seen.dueAt === null,
    )
  return { id, unit, list, claim, handle, ended, waits }
}

/** The bill of the day: the orders so far, each with the amount that the invoice shows for it. */
async function billedUnits(id: string): Promise<number> {
  const { rows } = await stack.database.pool.query<{ n: string }>(
    'select count(*) as n from units where transaction_id = $1 and invoice_line_id is not null',
    [id],
  )
  return Number(rows[0]?.n ?? 0)
}

test('the supplier replaces the code: one more unit, linked, not counted and never billed', async () => {
  const { sku } = await shop.supplied('TEST-INSTANT')
  const { id, unit, list, ended } = await claimed(sku)
  const claim = await ended()
  expect(claim.status).toBe('replaced')
  const after = await listOf(id)
  expect(after).toMatchObject({ requested: 2, delivered: 2, status: 'complete' })
  expect(after.codes).toHaveLength(3)
  expect(after.codes[0]).toEqual({ ...list.codes[0], reason: 'replaced' })
  expect(after.codes[2]).toMatchObject({
    unit_id: claim.replacement_unit_id,
    replaces: unit,
    state: 'available',
  })
  const codes = after.codes.map(({ code }) => code)
  expect(new Set(codes).size).toBe(3)

  await bill(id, 2)
  expect(await checkDatabase(stack.database.db)).toEqual([])
}, 60_000)

test('the supplier gives the money back: an unbilled unit is reversed and its hold released', async () => {
  const { sku } = await shop.supplied('TEST-PARTIAL')
  const id = await shop.order([{ sku, quantity: 1 }])
  const held = async () => {
    const { rows } = await stack.database.pool.query<{ held_minor: bigint }>(
      `select held_minor from customer_balances where customer_id = $1 and currency = 'USD'`,
      [shop.customerId],
    )
    return rows[0]?.held_minor ?? 0n
  }
  const list = await eventually(
    () => listOf(id),
    ({ status }) => status === 'complete',
  )
  const before = await held()
  const path = `/v2/transactions/${id}/units/${list.codes[0]?.unit_id}/claim`
  const { body } = await shop.client.post<Claim>(path, { reason: 'refused at the till' })
  const claim = await eventually(
    async () => (await shop.client.get<Claim>(`/v2/claims/${body.id}`)).body,
    ({ status }) => status !== 'open',
  )
  expect(claim.status).toBe('refunded')
  expect((await listOf(id)).codes[0]).toMatchObject({
    state: 'reversed',
    code: list.codes[0]?.code,
  })
  expect(await held()).toBe(before - 2_500n)
})

test('what the supplier refuses is for a person, who replaces it from the own pool', async () => {
  const product = await shop.supplied('TEST-SURPLUS')
  const { id, unit, handle, ended, waits } = await claimed(product.sku)
  expect((await waits())?.reason).toContain(`replace, refund or reject the code of ${unit}`)
  const nothing = await handle.executeUpdate(contract.replace, { args: [{}] })
  expect(nothing).toMatchObject({ accepted: false })
  await importCodes(stack.database, stack.config.keys, shop.account, { productId: product.id }, 1)
  const answer = await handle.executeUpdate(contract.replace, { args: [{ note: 'goodwill' }] })
  expect(answer.accepted).toBe(true)
  expect((await ended()).status).toBe('replaced')
  expect((await listOf(id)).codes).toHaveLength(3)
  await handle.result()
})

test('a code of the own pool is for a person at once: refunded after it was billed, it is credited', async () => {
  const { id, unit, handle, ended, waits } = await claimed(shop.pooled.sku)
  await waits()
  await bill(id, 2)
  await handle.executeUpdate(contract.refund, { args: [{}] })
  expect((await ended()).status).toBe('refunded')
  const notes = await eventually(
    async () => {
      const { rows } = await stack.database.pool.query<{
        total_minor: bigint
        number: string | null
      }>(
        `select c.total_minor, c.number from credit_notes c join credit_note_units u
           on u.credit_note_id = c.id where u.unit_id = $1`,
        [unit],
      )
      return rows
    },
    ([note]) => note?.number !== null && note !== undefined,
  )
  expect(notes).toMatchObject([{ total_minor: 1_000n }])
  expect(await checkDatabase(stack.database.db)).toEqual([])
}, 60_000)

/** An order of the pool, of which there is enough, that a card has paid. */
async function paidBy(card: string, quantity = 2): Promise<string> {
  const ofPool = { productId: shop.pooled.id }
  await importCodes(stack.database, stack.config.keys, shop.account, ofPool, quantity)
  const answer = await shop.client.post<{ id: string; transaction_id: string }>('/v2/orders', {
    customer_id: shop.customerId,
    items: [{ sku: shop.pooled.sku, quantity }],
    payment_method: card,
  })
  expect(answer.status).toBe(201)
  return answer.body.transaction_id
}

/** What the payment service holds for the shop, after refunds. */
async function kept(): Promise<number> {
  const connected = shop.account.accountId.replace(/^acc_/, 'acct_')
  const entries = await stack.psp().ledger(connected)
  return entries.reduce((sum, { amount }) => sum + amount, 0)
}

type Refund = { amount: number; status: string; metadata: { claim_id?: string } }

/** The refunds of a claim, once the first has arrived. */
const refundOf = (claimId: string) =>
  eventually(
    async () => {
      const { body } = await shop.client.get<{ data: Refund[] }>('/v2/refunds')
      return body.data.filter(({ metadata }) => metadata.claim_id === claimId)
    },
    ([refund]) => refund?.status === 'succeeded',
  )

/** Closes the day of an order and waits until so many of its units are billed. */
async function bill(id: string, units: number): Promise<void> {
  const { body } = await shop.client.get<{ purchase_order: { id: string } }>(
    `/v2/transactions/${id}`,
  )
  await shop.client.post(`/v2/purchase-orders/${body.purchase_order.id}/close`)
  await eventually(
    () => billedUnits(id),
    (billed) => billed === units,
  )
}

/** The books agree, and nothing that was paid lies about as the customer's cash. */
async function expectNoCashLeft(): Promise<void> {
  const identities = await eventually(
    () => reconcile(stack.database.db, shop.account.accountId),
    (all) => all.every(({ differences }) => differences.length === 0),
  )
  expect(identities.length).toBeGreaterThan(0)
  const { rows: cash } = await stack.database.pool.query(
    `select l.id from ledger_accounts l join entries e on e.ledger_account_id = l.id
     where l.account_id = $1 and l.kind = 'unallocated_cash'
     group by l.id having sum(e.amount_minor) <> 0`,
    [shop.account.accountId],
  )
  expect(cash).toEqual([])
}

test('what was paid by card goes back to the card: before and after it was billed', async () => {
  const id = await paidBy('pm_card_visa')
  const first = await claimUnit(id, 0)
  await first.waits()
  expect(await kept()).toBe(2_000)
  await first.handle.executeUpdate(contract.refund, { args: [{}] })
  expect(await refundOf(first.claim.id)).toMatchObject([{ amount: 1_000 }])
  expect(await kept()).toBe(1_000)

  await bill(id, 1)
  const path = `/v2/transactions/${id}/units/${first.list.codes[1]?.unit_id}/claim`
  const { body: claim } = await shop.client.post<Claim>(path, { reason: 'already redeemed' })
  const second = stack.temporal.workflow.getHandle(contract.claimWorkflowId(claim.id))
  await eventually(
    () => second.query(contract.waitingFor).catch(() => null),
    (seen) => seen !== null && seen.dueAt === null,
  )
  await second.executeUpdate(contract.refund, { args: [{}] })
  expect(await refundOf(claim.id)).toMatchObject([{ amount: 1_000 }])
  expect(await kept()).toBe(0)
  const { rows: notes } = await stack.database.pool.query(
    'select net_minor from credit_note_units where unit_id = $1',
    [first.list.codes[1]?.unit_id],
  )
  expect(notes).toEqual([{ net_minor: 1_000n }])
  await expectNoCashLeft()
}, 60_000)

test('the replacement of a replacement is refunded: what was ordered goes back once', async () => {
  const before = await kept()
  const id = await paidBy('pm_card_visa', 1)
  await importCodes(
    stack.database,
    stack.config.keys,
    shop.account,
    { productId: shop.pooled.id },
    2,
  )
  for (const nth of [0, 1]) {
    const { handle, waits, ended } = await claimUnit(id, nth)
    await waits()
    await handle.executeUpdate(contract.replace, { args: [{}] })
    expect((await ended()).status).toBe('replaced')
  }
  await bill(id, 1)

  const last = await claimUnit(id, 2)
  await last.waits()
  await last.handle.executeUpdate(contract.refund, { args: [{}] })
  expect(await refundOf(last.claim.id)).toMatchObject([{ amount: 1_000 }])
  expect(await kept()).toBe(before)
  const { codes, ...counts } = await listOf(id)
  expect(counts).toMatchObject({ requested: 1, delivered: 1 })
  expect(codes.map(({ state }) => state)).toEqual(['reversed', 'reversed', 'reversed'])
  expect(codes.map(({ replaces }) => replaces)).toEqual([
    null,
    ...codes.slice(0, 2).map(({ unit_id }) => unit_id),
  ])

  // The invoice has what was ordered and the credit note the same; its replacements are on neither.
  const { rows: credited } = await stack.database.pool.query(
    `select u.unit_id, u.net_minor, c.total_minor from credit_note_units u
     join credit_notes c on c.id = u.credit_note_id join units o on o.id = u.unit_id
     where o.transaction_id = $1`,
    [id],
  )
  expect(credited).toEqual([{ unit_id: codes[0]?.unit_id, net_minor: 1_000n, total_minor: 1_000n }])
  for (const { unit_id } of codes) {
    const again = await shop.client.post(`/v2/transactions/${id}/units/${unit_id}/claim`, {
      reason: 'once more',
    })
    expect(again.status).toBe(409)
  }
  await expectNoCashLeft()
  expect(await checkDatabase(stack.database.db)).toEqual([])
}, 60_000)

test('while the payment is disputed nothing is refunded, and a person is told why', async () => {
  const { claim, handle, waits } = await claimUnit(await paidBy('pm_card_createDispute'), 0)
  await waits()
  await eventually(
    async () => (await shop.client.get<{ data: object[] }>('/v2/payments/disputes')).body.data,
    (disputes) => disputes.length === 1,
  )
  const answer = await handle.executeUpdate(contract.refund, { args: [{}] })
  expect(answer).toMatchObject({ accepted: false })
  expect(answer.effect).toContain('disputed')
  expect((await shop.client.get<Claim>(`/v2/claims/${claim.id}`)).body.status).toBe('open')
})

test('a rejected claim changes nothing, and the code may be claimed again', async () => {
  const { id, unit, list, handle, ended, waits } = await claimed(shop.pooled.sku)
  await waits()
  await handle.executeUpdate(contract.reject, { args: [{ note: 'works here' }] })
  expect((await ended()).status).toBe('rejected')
  expect(await listOf(id)).toEqual(list)
  const again = await shop.client.post(`/v2/transactions/${id}/units/${unit}/claim`, {
    reason: 'still',
  })
  expect(again.status).toBe(201)
})
