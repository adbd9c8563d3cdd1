import { z } from '@hono/zod-openapi'
import { getProduct } from '../../../db/products.ts'
import { getInventory, lookAtStock, setLowThreshold } from '../../../db/stock-levels.ts'
import { LOW_THRESHOLD_MAX } from '../../../domain/stock.ts'
import { renderInventory } from '../../../wire/inventory.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { idParameter, notFound, requireId } from '../../fields.ts'
import { route, type Route } from '../../route.ts'

const TAG = 'Inventory'
const count = z.int().min(0)

export const inventoryObject = z
  .strictObject({
    object: z.literal('inventory'),
    id: z.string().openapi({ description: 'That of the product.' }),
    product_id: z.string().openapi({ example: 'prod_0199c0de5a000123456789abcd' }),
    total_available: count,
    total_reserved: count,
    locations: z.array(
      z.strictObject({
        warehouse_id: z.string().openapi({ example: 'code_pool' }),
        available: count,
        reserved: count,
      }),
    ),
    levels: z
      .array(
        z.strictObject({
          variant_id: z.string().nullable(),
          sku: z.string(),
          available: count,
          low_threshold: z.int().nullable(),
          state: z.enum(['ok', 'low', 'out']),
        }),
      )
      .openapi({ description: 'The product itself, then its variants.' }),
    expiring: z
      .array(
        z.strictObject({
          variant_id: z.string().nullable(),
          expires_on: z.iso.date(),
          available: count,
        }),
      )
      .openapi({ description: 'Codes that expire within 30 days, by day.' }),
  })
  .openapi('Inventory')

const byProduct = z.strictObject({
  product_id: idParameter('product_id', 'prod_0199c0de5a000123456789abcd'),
})

const reading = route({
  operationId: 'getInventory',
  method: 'get',
  path: '/v2/inventory/{product_id}',
  tag: TAG,
  summary: 'Get the stock of a product',
  description:
    'Codes of the own pool that can be sold now. What suppliers have is not counted, nor what expires too soon.',
  access: 'products:read',
  rateClass: 'read',
  idempotency: 'none',
  params: byProduct,
  responses: { 200: { description: 'What is there now.', schema: inventoryObject } },
  errors: ['not_found', 'forbidden_scope'],
  async handler(deps, { caller, input }) {
    refuseBoundKey(caller)
    const key = productKey(caller.accountId, input.params.product_id)
    return { status: 200, body: renderInventory(await getInventory(deps.database.db, key)) }
  },
})

const alerting = route({
  operationId: 'setInventoryAlert',
  method: 'post',
  path: '/v2/inventory/{product_id}/alerts',
  tag: TAG,
  summary: 'Say below how much a product is low',
  description:
    'The event `inventory.low` is sent once when less is left, and again only after there was enough in between; ' +
    '`inventory.out_of_stock` when nothing is left, with or without a threshold. Both come seconds after the order.',
  access: 'products:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: byProduct,
  body: z
    .strictObject({
      low_threshold: z.int().min(1).max(LOW_THRESHOLD_MAX).nullable().openapi({
        description: 'Null: no such event.',
        example: 50,
      }),
      variant_id: z
        .string()
        .max(100)
        .nullish()
        .openapi({ description: 'The product itself when left out.' }),
    })
    .openapi('InventoryAlert'),
  responses: { 201: { description: 'The stock with its threshold.', schema: inventoryObject } },
  errors: ['not_found', 'forbidden_scope'],
  async handler(deps, { tx, caller, input: { params, body } }) {
    refuseBoundKey(caller)
    const key = productKey(caller.accountId, params.product_id)
    const product = await getProduct(tx, key.accountId, key.productId)
    const variantId = body.variant_id ?? ''
    if (variantId !== '' && !product.variants.some(({ id }) => id === variantId)) {
      throw notFound('variant')
    }
    await setLowThreshold(tx, key, { variantId, lowThreshold: body.low_threshold })
    await lookAtStock(tx, key, renderInventory)
    deps.orders.outbox.nudge()
    return { status: 201, body: renderInventory(await getInventory(tx, key)) }
  },
})

function productKey(accountId: string, productId: string) {
  return { accountId, productId: requireId('product', productId) }
}

export const inventoryRoutes: readonly Route[] = [reading, alerting]
