import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDatabase } from '../faults/invariants.ts'
import { importCodes } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import * as contract from '../../workflows/contract.ts'
import { repeatEach } from '../workflows/steps.ts'

/** `resolveClaim` through Temporal, against the sandbox supplier; every step runs twice. */
let stack: Stack
let shop: OpenShop
beforeAll(async () => {
  stack = await startStack('claims', { supplier: true, wrap: repeatEach })
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
  const id = await shop.order([{ sku, quantity: 2 }])
  const list = await eventually(
    () => listOf(id),
    ({ status }) => status === 'complete',
  )
  const unit = list.codes[0]?.unit_id ?? ''
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

  const { body } = await shop.client.get<{ purchase_order: { id: string } }>(
    `/v2/transactions/${id}`,
  )
  await shop.client.post(`/v2/purchase-orders/${body.purchase_order.id}/close`)
  await eventually(
    () => billedUnits(id),
    (billed) => billed > 0,
  )
  expect(await billedUnits(id)).toBe(2)
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
  const { body } = await shop.client.get<{ purchase_order: { id: string } }>(
    `/v2/transactions/${id}`,
  )
  await shop.client.post(`/v2/purchase-orders/${body.purchase_order.id}/close`)
  await eventually(
    () => billedUnits(id),
    (billed) => billed === 2,
  )
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
