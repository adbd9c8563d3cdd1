import { afterAll, beforeAll, expect, test } from 'vitest'
import { transactionWorkflowId } from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/** The largest order costs its story little: what it buys is in SQL. `BARK_PROVE_LARGE_ORDER=10000`. */
const UNITS = Number(process.env['BARK_PROVE_LARGE_ORDER'] ?? 250)
const SUPPLIERS = 5
const EVENTS_MAX = 2_000
const BYTES_MAX = 2 * 2 ** 20
const WAIT_MS_MAX = 500_000

let stack: Stack
let shop: OpenShop
beforeAll(async () => {
  stack = await startStack('large-order', { supplier: true })
  shop = await openShop(stack)
})
afterAll(() => stack.stop())

/** A product that another supplier sells. */
async function suppliedBy(name: string): Promise<string> {
  const product = await shop.client.post<{ id: string }>('/v2/products', {
    name,
    price: 25,
    sku: name,
    fulfillment_type: 'digital_code',
  })
  const supplier = await shop.client.post<{ id: string }>('/v2/suppliers', {
    name,
    adapter: 'sandbox',
  })
  const sold = await shop.client.post(`/v2/suppliers/${supplier.body.id}/skus`, {
    product_id: product.body.id,
    supplier_sku: 'TEST-INSTANT',
    cost: 20,
    currency: 'USD',
  })
  expect(sold.status).toBe(201)
  return name
}

test(
  `${UNITS} units over ${SUPPLIERS} suppliers`,
  async () => {
    const names = Array.from({ length: SUPPLIERS }, (_, n) => `LARGE-${n}`)
    const skus = await Promise.all(names.map(suppliedBy))
    const id = await shop.order(skus.map((sku) => ({ sku, quantity: UNITS / SUPPLIERS })))
    const handle = stack.temporal.workflow.getHandle(transactionWorkflowId(id))
    const { historyLength, historySize } = await eventually(
      () => handle.describe().catch(() => null),
      (seen) => seen?.status.name === 'COMPLETED',
      WAIT_MS_MAX,
    ).then((seen) => ({
      historyLength: Number(seen?.historyLength),
      historySize: Number(seen?.historySize),
    }))
    const list = await shop.client.get<{ delivered: number; final: boolean }>(
      `/v2/transactions/${id}/codes`,
    )
    expect(list.body).toMatchObject({ delivered: UNITS, final: true })
    expect(historyLength).toBeGreaterThan(0)
    expect(historyLength).toBeLessThan(EVENTS_MAX)
    expect(historySize).toBeLessThan(BYTES_MAX)
    if (process.env['BARK_PROVE_LARGE_ORDER'] === undefined) return
    process.stdout.write(`${UNITS} units: ${historyLength} events, ${historySize} bytes\n`)
  },
  WAIT_MS_MAX + 10_000,
)
