import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UsageError } from '../../cli/command.ts'
import { run } from '../../cli/day.ts'
import { makeCustomer } from '../factories.ts'
import { startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { commandContext, type Spoken } from './context.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack('cli-day', { supplier: true })
})
afterAll(() => stack.stop())

function contextOf(shop: OpenShop, json = false): Spoken {
  return commandContext(stack.config, {
    json,
    running: { api: stack.apiUrl, keys: { account: shop.account.key, customer: null } },
  })
}

describe('bark day close', () => {
  test('closes what is open and prints the invoice that follows', async () => {
    const shop = await openShop(stack)
    await shop.order([{ sku: shop.pooled.sku, quantity: 2 }])
    await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
    const { context, out } = contextOf(shop)
    expect(await run(['close'], context)).toBe(0)
    expect(out[0]).toMatch(/^PO-\S+-USD-1-\S+ is closed: 2 orders, 30.00 USD$/)
    expect(out[1]).toMatch(/^ {2}invoice INV-\d{4}-000001/)
    expect(out).toHaveLength(2)
  })

  test('does not wait for codes that are still to come', async () => {
    const shop = await openShop(stack)
    const { sku } = await shop.supplied('TEST-OUT-OF-STOCK')
    await shop.order([
      { sku, quantity: 2 },
      { sku: shop.pooled.sku, quantity: 1 },
    ])
    const { context, out } = contextOf(shop, true)
    expect(await run(['close'], context)).toBe(0)
    expect(JSON.parse(out[0] ?? '').closed).toMatchObject([
      { status: 'settling', codes_to_come: 2, invoices: [] },
    ])
  })

  test('leaves the other customers alone when one is named', async () => {
    const shop = await openShop(stack)
    await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
    const other = await makeCustomer(stack.database, shop.account.accountId)
    const { context, out } = contextOf(shop)
    expect(await run(['close', '--customer', other], context)).toBe(0)
    expect(out).toEqual(['No purchase order is open: there is nothing to close.'])
    const { body } = await shop.client.get<{ data: { status: string }[] }>('/v2/purchase-orders')
    expect(body.data.map(({ status }) => status)).toEqual(['open'])
    expect(await run(['close', '--customer', shop.customerId], context)).toBe(0)
    expect(out[1]).toContain('is closed')
  })

  test('refuses other words, and a system that is not running', async () => {
    const shop = await openShop(stack)
    const { context } = contextOf(shop)
    for (const args of [
      [],
      ['open'],
      ['close', '--all', '--customer', 'cust_x'],
      ['close', '-x'],
    ]) {
      await expect(run(args, context)).rejects.toThrow(UsageError)
    }
    await expect(run(['close'], commandContext(stack.config).context)).rejects.toThrow(/npm start/)
  })
})
