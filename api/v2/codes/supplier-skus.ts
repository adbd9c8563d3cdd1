import { z } from '@hono/zod-openapi'
import { wakeBackorders } from '../../../db/backorders.ts'
import { inTransaction, type Tx } from '../../../db/client.ts'
import { findProduct } from '../../../db/products.ts'
import {
  getSupplierSku,
  insertSupplierSkus,
  listSupplierSkus,
  lockSupplierSku,
  updateSupplierSku,
  type SupplierSkuRow,
} from '../../../db/supplier-skus.ts'
import { getSupplier } from '../../../db/suppliers.ts'
import { listVariantIds } from '../../../db/variants.ts'
import { isId } from '../../../domain/id.ts'
import { formatDecimal } from '../../../domain/money.ts'
import { newId } from '../../../new-id.ts'
import { renderSupplierSku } from '../../../wire/supplier.ts'
import { requireVersion } from '../../entity-tag.ts'
import { requireId, toMinor } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import {
  bySupplierId,
  bySupplierSkuId,
  refuseField,
  supplierSkuCreate,
  supplierSkuObject,
  supplierSkuUpdate,
} from './supplier-fields.ts'
import { supplierKey } from './suppliers.ts'

const TAG = 'Suppliers'
const COST_MINOR_MAX = 100_000_000_000n // like a product's price

const creating = route({
  operationId: 'createSupplierSku',
  method: 'post',
  path: '/v2/suppliers/{id}/skus',
  tag: TAG,
  summary: 'Say what a supplier sells',
  description: 'One per product or variant. Orders that wait for this product are woken.',
  access: 'suppliers:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: bySupplierId,
  body: supplierSkuCreate,
  responses: {
    201: {
      description: 'What it sells from now on.',
      schema: supplierSkuObject,
      headers: { Location: 'Path of it.' },
    },
  },
  errors: ['not_found', 'supplier_sku_exists', 'invalid_amount'],
  async handler(_deps, { tx, caller, input: { params, body } }) {
    const key = supplierKey(caller, params.id)
    await getSupplier(tx, key)
    await requireProduct(tx, key.accountId, body.product_id, body.variant_id)
    const [row] = await insertSupplierSkus(tx, key, [
      {
        id: newId('supplierSku'),
        productId: body.product_id,
        variantId: body.variant_id ?? '',
        supplierSku: body.supplier_sku,
        costMinor: toMinor(body.cost, body.currency, 'cost', COST_MINOR_MAX),
        currency: body.currency,
        priority: body.priority,
        active: body.active,
      },
    ])
    if (row === undefined) throw new Error('One row was asked for')
    if (row.active) await wakeWaiters(tx, row)
    return {
      status: 201,
      body: renderSupplierSku(row),
      headers: { Location: `/v2/suppliers/${key.supplierId}/skus/${row.id}` },
    }
  },
})

const listing = route({
  operationId: 'listSupplierSkus',
  method: 'get',
  path: '/v2/suppliers/{id}/skus',
  tag: TAG,
  summary: 'List what a supplier sells',
  description: 'The newest first.',
  access: 'suppliers:read',
  rateClass: 'read',
  idempotency: 'none',
  params: bySupplierId,
  query: z.strictObject({
    ...pageParameters,
    product_id: z.string().max(200).optional(),
    active: z.stringbool().optional(),
  }),
  responses: { 200: { description: 'What it sells.', schema: listOf(supplierSkuObject) } },
  errors: ['not_found', 'invalid_cursor'],
  async handler(deps, call) {
    const { db } = deps.database
    const key = supplierKey(call.caller, call.input.params.id)
    await getSupplier(db, key)
    const { product_id: productId, active } = call.input.query
    const page = await listSupplierSkus(db, key, { productId, active }, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderSupplierSku) }
  },
})

const reading = route({
  operationId: 'getSupplierSku',
  method: 'get',
  path: '/v2/suppliers/{id}/skus/{sku_id}',
  tag: TAG,
  summary: 'Get one of them',
  access: 'suppliers:read',
  rateClass: 'read',
  idempotency: 'none',
  params: bySupplierSkuId,
  responses: { 200: { description: 'What it sells.', schema: supplierSkuObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input: { params } }) {
    const supplierSkuId = requireId('supplierSku', params.sku_id)
    const key = { ...supplierKey(caller, params.id), supplierSkuId }
    return { status: 200, body: renderSupplierSku(await getSupplierSku(deps.database.db, key)) }
  },
})

const updating = route({
  operationId: 'updateSupplierSku',
  method: 'patch',
  path: '/v2/suppliers/{id}/skus/{sku_id}',
  tag: TAG,
  summary: 'Update one of them',
  description:
    'A merge: what is left out stays. What is on order keeps the name and cost that it was ordered ' +
    'with; a new currency needs a new cost.',
  access: 'suppliers:write',
  rateClass: 'write',
  idempotency: 'none',
  params: bySupplierSkuId,
  body: supplierSkuUpdate,
  responses: { 200: { description: 'As it is now.', schema: supplierSkuObject } },
  errors: ['not_found', 'invalid_amount', 'version_mismatch', 'precondition_failed'],
  entityTag: true,
  async handler(deps, call) {
    const { params, body } = call.input
    const supplierSkuId = requireId('supplierSku', params.sku_id)
    const key = { ...supplierKey(call.caller, params.id), supplierSkuId }
    const row = await inTransaction(deps.database.db, async (tx) => {
      const before = await lockSupplierSku(tx, key)
      requireVersion({ ifMatch: call.header('if-match'), version: body.version }, before.version)
      const currency = body.currency ?? before.currency
      if (currency !== before.currency && body.cost === undefined) {
        const now = formatDecimal(before.cost_minor, before.currency)
        throw refuseField('cost', `Is needed in ${currency}; it is ${now} ${before.currency} now`)
      }
      const after = await updateSupplierSku(tx, before, {
        supplierSku: body.supplier_sku,
        priority: body.priority,
        costMinor:
          body.cost === undefined
            ? undefined
            : toMinor(body.cost, currency, 'cost', COST_MINOR_MAX),
        currency: body.currency,
        active: body.active,
      })
      if (after.active && !before.active) await wakeWaiters(tx, after)
      return after
    })
    deps.orders.outbox.nudge()
    return { status: 200, body: renderSupplierSku(row) }
  },
})

export const supplierSkuRoutes: readonly Route[] = [creating, listing, reading, updating]

/** @throws DomainError `invalid_fields` naming the field, for what the account does not sell as codes */
async function requireProduct(
  tx: Tx,
  accountId: string,
  productId: string,
  variantId: string | null,
): Promise<void> {
  const product = isId('product', productId) ? await findProduct(tx, accountId, productId) : null
  if (product === null) throw refuseField('product_id', 'No such product')
  if (product.fulfillment_type !== 'digital_code') {
    throw refuseField('product_id', 'Only codes are bought from suppliers')
  }
  if (variantId === null) return
  const variants = await listVariantIds(tx, accountId, productId)
  if (!variants.some(({ id }) => id === variantId))
    throw refuseField('variant_id', 'No such variant')
}

async function wakeWaiters(tx: Tx, row: SupplierSkuRow): Promise<void> {
  const item = { productId: row.product_id, variantId: row.variant_id }
  await wakeBackorders(tx, row.account_id, [item], 'a supplier sells it now')
}
