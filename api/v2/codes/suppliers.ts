import { z } from '@hono/zod-openapi'
import { wakeBackorders } from '../../../db/backorders.ts'
import { inTransaction } from '../../../db/client.ts'
import { listSoldProducts } from '../../../db/supplier-skus.ts'
import {
  getSupplier,
  insertSupplier,
  listSuppliers,
  lockSupplier,
  updateSupplier,
} from '../../../db/suppliers.ts'
import { newId } from '../../../new-id.ts'
import { renderSupplier } from '../../../wire/supplier.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { requireVersion } from '../../entity-tag.ts'
import { requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Caller, type Route } from '../../route.ts'
import {
  bySupplierId,
  refuseField,
  requireSupplierUrl,
  sealSupplierSecret,
  supplierCreate,
  supplierObject,
  supplierUpdate,
  toLimits,
} from './supplier-fields.ts'

const TAG = 'Suppliers'

/**
 * Names a supplier of the caller's account. Suppliers and what they cost are the merchant's own: a
 * key that is bound to a customer has none.
 *
 * @throws DomainError `forbidden_scope`, `not_found`
 */
export function supplierKey(caller: Caller, id: string): { accountId: string; supplierId: string } {
  refuseBoundKey(caller)
  return { accountId: caller.accountId, supplierId: requireId('supplier', id) }
}

const creating = route({
  operationId: 'createSupplier',
  method: 'post',
  path: '/v2/suppliers',
  tag: TAG,
  summary: 'Connect a supplier',
  description:
    'A supplier that speaks the documented wire format is connected by its address and secret. ' +
    'Then say what it sells. `sandbox` is the pretend one of test accounts.',
  access: 'suppliers:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: supplierCreate,
  responses: {
    201: {
      description: 'The new supplier.',
      schema: supplierObject,
      headers: { Location: 'Path of the new supplier.' },
    },
  },
  errors: ['supplier_exists'],
  async handler(deps, { tx, caller, input: { body } }) {
    refuseBoundKey(caller)
    const key = { accountId: caller.accountId, supplierId: newId('supplier') }
    const common = {
      id: key.supplierId,
      accountId: key.accountId,
      name: body.name,
      active: body.active,
      ...toLimits(body.limits),
    }
    if (body.adapter === 'sandbox' && caller.mode === 'live') {
      throw refuseField('adapter', 'Live accounts have no sandbox supplier')
    }
    if (body.adapter === 'http') requireSupplierUrl(deps, body.base_url)
    const row = await insertSupplier(
      tx,
      body.adapter === 'sandbox'
        ? { ...common, adapter: 'sandbox' }
        : {
            ...common,
            adapter: 'http',
            baseUrl: body.base_url,
            secret: await sealSupplierSecret(deps, key, body.secret),
          },
    )
    return {
      status: 201,
      body: renderSupplier(row),
      headers: { Location: `/v2/suppliers/${row.id}` },
    }
  },
})

const listing = route({
  operationId: 'listSuppliers',
  method: 'get',
  path: '/v2/suppliers',
  tag: TAG,
  summary: 'List suppliers',
  description: 'The newest first.',
  access: 'suppliers:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({ ...pageParameters, active: z.stringbool().optional() }),
  responses: { 200: { description: 'Suppliers.', schema: listOf(supplierObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const filter = { active: call.input.query.active }
    const page = await listSuppliers(deps.database.db, accountId, filter, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderSupplier) }
  },
})

const reading = route({
  operationId: 'getSupplier',
  method: 'get',
  path: '/v2/suppliers/{id}',
  tag: TAG,
  summary: 'Get a supplier',
  description: 'With the state of its circuit breaker.',
  access: 'suppliers:read',
  rateClass: 'read',
  idempotency: 'none',
  params: bySupplierId,
  responses: { 200: { description: 'The supplier.', schema: supplierObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input }) {
    const row = await getSupplier(deps.database.db, supplierKey(caller, input.params.id))
    return { status: 200, body: renderSupplier(row) }
  },
})

const updating = route({
  operationId: 'updateSupplier',
  method: 'patch',
  path: '/v2/suppliers/{id}',
  tag: TAG,
  summary: 'Update a supplier',
  description:
    'A merge: what is left out stays. Another address or secret closes the circuit breaker. ' +
    'Switching it on wakes the orders that wait for what it sells.',
  access: 'suppliers:write',
  rateClass: 'write',
  idempotency: 'none',
  params: bySupplierId,
  body: supplierUpdate,
  responses: { 200: { description: 'The supplier as it is now.', schema: supplierObject } },
  errors: ['not_found', 'supplier_exists', 'version_mismatch', 'precondition_failed'],
  entityTag: true,
  async handler(deps, call) {
    const key = supplierKey(call.caller, call.input.params.id)
    const { version, name, active, base_url, secret, limits } = call.input.body
    const sealed = secret === undefined ? undefined : await sealSupplierSecret(deps, key, secret)
    const row = await inTransaction(deps.database.db, async (tx) => {
      const before = await lockSupplier(tx, key)
      requireVersion({ ifMatch: call.header('if-match'), version }, before.version)
      if (before.adapter === 'sandbox' && (base_url !== undefined || secret !== undefined)) {
        throw refuseField(base_url === undefined ? 'secret' : 'base_url', 'The sandbox has none')
      }
      if (base_url !== undefined) requireSupplierUrl(deps, base_url)
      const after = await updateSupplier(tx, before, {
        name,
        active,
        baseUrl: base_url,
        secret: sealed,
        ...toLimits(limits),
      })
      if (after.active && !before.active) {
        const sold = await listSoldProducts(tx, key)
        await wakeBackorders(tx, key.accountId, sold, 'a supplier was switched on')
      }
      return after
    })
    deps.orders.outbox.nudge()
    return { status: 200, body: renderSupplier(row) }
  },
})

export const supplierRoutes: readonly Route[] = [creating, listing, reading, updating]
