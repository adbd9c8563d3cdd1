import { isDeepStrictEqual } from 'node:util'
import { z } from '@hono/zod-openapi'
import { inTransaction, type Tx } from '../../../db/client.ts'
import { emitEvent } from '../../../db/events.ts'
import {
  getProduct,
  insertProduct,
  listProducts,
  lockProduct,
  PRODUCT_SORTS,
  updateProduct,
  type ProductRow,
} from '../../../db/products.ts'
import { listVariantIds, replaceVariants } from '../../../db/variants.ts'
import type { EventType } from '../../../domain/event-type.ts'
import { newId } from '../../../new-id.ts'
import { renderProduct } from '../../../wire/product.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { requireVersion } from '../../entity-tag.ts'
import { idParameter, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import {
  categoryField,
  fulfillmentTypes,
  productCreate,
  productObject,
  productStatuses,
  productUpdate,
} from './product-fields.ts'
import { applyChange, blankProduct, stateOf, type ProductChange } from './product-state.ts'

const byId = z.strictObject({ id: idParameter('id', 'prod_0199c0de5a000123456789abcd') })

const listing = route({
  operationId: 'listProducts',
  method: 'get',
  path: '/v2/products',
  tag: 'Products',
  summary: 'List products',
  description: 'Archived products are hidden unless asked for with `status=archived`.',
  access: 'products:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(productStatuses).optional(),
    category: categoryField.optional(),
    search: z.string().min(1).max(100).optional().openapi({ description: 'Part of name or SKU.' }),
    fulfillment_type: z.enum(fulfillmentTypes).optional(),
    sort: z.enum(PRODUCT_SORTS).optional().openapi({ description: 'created_at by default.' }),
    order: z.enum(['asc', 'desc']).optional().openapi({ description: 'desc by default.' }),
  }),
  responses: { 200: { description: 'Products.', schema: listOf(productObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { status, category, search, fulfillment_type, sort, order } = call.input.query
    const page = await listProducts(
      deps.database.db,
      call.caller.accountId,
      { status, category, search, fulfillmentType: fulfillment_type },
      { by: sort ?? 'created_at', descending: order !== 'asc' },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, renderProduct) }
  },
})

const reading = route({
  operationId: 'getProduct',
  method: 'get',
  path: '/v2/products/{id}',
  tag: 'Products',
  summary: 'Get a product by id or SKU',
  access: 'products:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'HEADPHONE-001') }),
  responses: { 200: { description: 'The product.', schema: productObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const row = await getProduct(deps.database.db, call.caller.accountId, call.input.params.id)
    return { status: 200, body: renderProduct(row) }
  },
})

const creating = route({
  operationId: 'createProduct',
  method: 'post',
  path: '/v2/products',
  tag: 'Products',
  summary: 'Create a product',
  access: 'products:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: productCreate,
  responses: {
    201: {
      description: 'The new product.',
      schema: productObject,
      headers: { Location: 'Path of the new product.' },
    },
  },
  errors: ['sku_exists', 'invalid_amount'],
  async handler(_deps, { tx, caller, input: { body } }) {
    refuseBoundKey(caller)
    const id = newId('product')
    const { values, variants } = applyChange(blankProduct(caller.currency), body, [])
    await insertProduct(tx, caller.accountId, id, values)
    await replaceVariants(tx, caller.accountId, { id, sku: values.sku }, variants)
    const product = renderProduct(await getProduct(tx, caller.accountId, id))
    await tellOf(tx, caller.accountId, 'product.created', product, 1)
    return { status: 201, body: product, headers: { Location: `/v2/products/${id}` } }
  },
})

const updating = (['put', 'patch'] as const).map((method) =>
  route({
    operationId: method === 'put' ? 'updateProduct' : 'patchProduct',
    method,
    path: '/v2/products/{id}',
    tag: 'Products',
    summary: 'Update a product',
    description:
      'A merge: what is left out stays; lists and `metadata` are replaced as a whole. Send `version`, or ' +
      '`If-Match` with the ETag, to refuse an update that rests on an older state.',
    access: 'products:write',
    rateClass: 'write',
    idempotency: 'none',
    params: byId,
    body: productUpdate,
    responses: { 200: { description: 'The product as it is now.', schema: productObject } },
    errors: [
      'not_found',
      'sku_exists',
      'invalid_amount',
      'version_mismatch',
      'precondition_failed',
    ],
    entityTag: true,
    async handler(deps, call) {
      refuseBoundKey(call.caller)
      const { version, ...change } = call.input.body
      const id = requireId('product', call.input.params.id)
      const product = await inTransaction(deps.database.db, async (tx) => {
        const before = await lockProduct(tx, call.caller.accountId, id)
        requireVersion({ ifMatch: call.header('if-match'), version }, before.version)
        return changeProduct(tx, call.caller.accountId, before, change)
      })
      return { status: 200, body: product }
    },
  }),
)

const archiving = route({
  operationId: 'deleteProduct',
  method: 'delete',
  path: '/v2/products/{id}',
  tag: 'Products',
  summary: 'Archive a product',
  description: 'A soft delete: its status becomes `archived`; it can still be read. Repeatable.',
  access: 'products:write',
  rateClass: 'write',
  idempotency: 'none',
  params: byId,
  responses: { 204: { description: 'Archived.' } },
  errors: ['not_found', 'precondition_failed'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const id = requireId('product', call.input.params.id)
    await inTransaction(deps.database.db, async (tx) => {
      const before = await lockProduct(tx, call.caller.accountId, id)
      requireVersion({ ifMatch: call.header('if-match'), version: undefined }, before.version)
      await changeProduct(tx, call.caller.accountId, before, { status: 'archived' })
    })
    return { status: 204 }
  },
})

export const productRoutes: readonly Route[] = [listing, reading, creating, ...updating, archiving]

/** Writes a change and tells of it; a change that changes nothing writes and tells nothing. */
async function changeProduct(
  tx: Tx,
  accountId: string,
  row: ProductRow,
  change: ProductChange,
): Promise<ReturnType<typeof renderProduct>> {
  const before = stateOf(row)
  const after = applyChange(before, change, await listVariantIds(tx, accountId, row.id))
  if (isDeepStrictEqual(before, after)) return renderProduct(row)
  await replaceVariants(tx, accountId, { id: row.id, sku: after.values.sku }, after.variants)
  const sequence = await updateProduct(tx, accountId, row.id, after.values)
  const product = renderProduct(await getProduct(tx, accountId, row.id))
  const archives = after.values.status === 'archived' && row.status !== 'archived'
  await tellOf(tx, accountId, archives ? 'product.deleted' : 'product.updated', product, sequence)
  return product
}

/** A webhook carries the same object as GET. */
async function tellOf(
  tx: Tx,
  accountId: string,
  type: EventType,
  object: ReturnType<typeof renderProduct>,
  sequence: number,
): Promise<void> {
  const facts = { object }
  await emitEvent(tx, { accountId, type, objectId: object.id, sequence, customerId: null, facts })
}
