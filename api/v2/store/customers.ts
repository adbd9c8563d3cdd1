import { isDeepStrictEqual } from 'node:util'
import { z } from '@hono/zod-openapi'
import { inTransaction, type Tx } from '../../../db/client.ts'
import {
  getCustomer,
  insertCustomer,
  listCustomers,
  lockCustomer,
  updateCreditLimits,
  updateCustomer,
  type CustomerOwner,
  type CustomerRow,
} from '../../../db/customers.ts'
import { emitEvent } from '../../../db/events.ts'
import { newId } from '../../../new-id.ts'
import { renderCustomer } from '../../../wire/customer.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { requireVersion } from '../../entity-tag.ts'
import { idParameter, momentParameter, readMoment, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Caller, type Route } from '../../route.ts'
import {
  applyChange,
  BLANK_CUSTOMER,
  customerCreate,
  customerObject,
  customerUpdate,
  toCreditLimits,
  valuesOf,
  type CustomerChange,
} from './customer-fields.ts'

const byId = z.strictObject({ id: idParameter('id', 'cust_0199c0de5a000123456789abcd') })

const listing = route({
  operationId: 'listCustomers',
  method: 'get',
  path: '/v2/customers',
  tag: 'Customers',
  summary: 'List customers',
  description: 'The newest first. A key that is bound to a customer sees that one only.',
  access: 'customers:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    email: z.string().min(1).max(254).optional().openapi({ description: 'Part of the address.' }),
    name: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .openapi({ description: 'Part of name or company.' }),
    created_from: momentParameter.optional().openapi({ description: 'At or after.' }),
    created_to: momentParameter.optional().openapi({ description: 'Before: half-open.' }),
    tags: z.string().min(1).max(1_000).optional().openapi({
      description: 'Separated by commas, such as vip,newsletter; customers that have them all.',
    }),
  }),
  responses: { 200: { description: 'Customers.', schema: listOf(customerObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { email, name, tags, created_from, created_to } = call.input.query
    const filter = {
      email,
      name,
      tags: tags?.split(',').map((tag) => tag.trim()),
      createdFrom: readMoment('created_from', created_from),
      createdBefore: readMoment('created_to', created_to),
    }
    const page = await listCustomers(deps.database.db, call.caller, filter, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderCustomer) }
  },
})

const reading = route({
  operationId: 'getCustomer',
  method: 'get',
  path: '/v2/customers/{id}',
  tag: 'Customers',
  summary: 'Get a customer with its order history',
  access: 'customers:read',
  rateClass: 'read',
  idempotency: 'none',
  params: byId,
  responses: { 200: { description: 'The customer.', schema: customerObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const id = requireId('customer', call.input.params.id)
    return {
      status: 200,
      body: renderCustomer(await getCustomer(deps.database.db, call.caller, id)),
    }
  },
})

const creating = route({
  operationId: 'createCustomer',
  method: 'post',
  path: '/v2/customers',
  tag: 'Customers',
  summary: 'Create a customer',
  description:
    'Customers order on credit. In test accounts credit is unlimited unless `credit_limits` says ' +
    'otherwise; in live accounts there is none until it is given.',
  access: 'customers:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: customerCreate,
  responses: {
    201: {
      description: 'The new customer.',
      schema: customerObject,
      headers: { Location: 'Path of the new customer.' },
    },
  },
  errors: ['customer_exists', 'invalid_amount'],
  async handler(_deps, { tx, caller, input: { body } }) {
    refuseBoundKey(caller)
    const id = newId('customer')
    await insertCustomer(tx, caller.accountId, id, applyChange(BLANK_CUSTOMER, body))
    await updateCreditLimits(tx, caller.accountId, id, creditOfNew(caller, body))
    const customer = renderCustomer(await getCustomer(tx, caller, id))
    await tellOf(tx, caller.accountId, 'customer.created', customer, 1)
    return { status: 201, body: customer, headers: { Location: `/v2/customers/${id}` } }
  },
})

const updating = (['put', 'patch'] as const).map((method) =>
  route({
    operationId: method === 'put' ? 'updateCustomer' : 'patchCustomer',
    method,
    path: '/v2/customers/{id}',
    tag: 'Customers',
    summary: 'Update a customer',
    description:
      'A merge: what is left out stays, `null` empties; lists and `metadata` are replaced as a whole, ' +
      '`credit_limits` by currency. A new `time_zone` or `cut_off` holds from the next business day. ' +
      'Send `version`, or `If-Match` with the ETag, to refuse an update that rests on an older state.',
    access: 'customers:write',
    rateClass: 'write',
    idempotency: 'none',
    params: byId,
    body: customerUpdate,
    responses: { 200: { description: 'The customer as it is now.', schema: customerObject } },
    errors: [
      'not_found',
      'customer_exists',
      'invalid_amount',
      'version_mismatch',
      'precondition_failed',
    ],
    entityTag: true,
    async handler(deps, call) {
      refuseBoundKey(call.caller)
      const { version, ...change } = call.input.body
      const id = requireId('customer', call.input.params.id)
      const customer = await inTransaction(deps.database.db, async (tx) => {
        const before = await lockCustomer(tx, call.caller, id)
        requireVersion({ ifMatch: call.header('if-match'), version }, before.version)
        return changeCustomer(tx, call.caller, before, change)
      })
      return { status: 200, body: customer }
    },
  }),
)

export const customerRoutes: readonly Route[] = [listing, reading, creating, ...updating]

/** In a test account nobody has to think of credit first. */
function creditOfNew(caller: Caller, change: CustomerChange): Map<string, bigint | null> {
  const limits = toCreditLimits(change)
  if (limits.size === 0 && caller.mode === 'test') limits.set(caller.currency, null)
  return limits
}

/** Writes a change and tells of it; a change that changes nothing writes and tells nothing. */
async function changeCustomer(
  tx: Tx,
  owner: CustomerOwner,
  row: CustomerRow,
  change: CustomerChange,
): Promise<ReturnType<typeof renderCustomer>> {
  const { accountId } = owner
  const before = valuesOf(row)
  const values = applyChange(before, change)
  const limits = toCreditLimits(change)
  const keepsLimits = [...limits].every(([currency, minor]) => isLimit(row, currency, minor))
  if (keepsLimits && isDeepStrictEqual(before, values)) return renderCustomer(row)
  await updateCreditLimits(tx, accountId, row.id, limits)
  const sequence = await updateCustomer(tx, accountId, row.id, values)
  const customer = renderCustomer(await getCustomer(tx, owner, row.id))
  await tellOf(tx, accountId, 'customer.updated', customer, sequence)
  return customer
}

function isLimit(row: CustomerRow, currency: string, minor: bigint | null): boolean {
  const known = row.credit_limits[currency]
  if (known === undefined || known === null) return known === minor
  return minor !== null && BigInt(known) === minor
}

/** A webhook carries the same object as GET; keys bound to the customer may read it. */
async function tellOf(
  tx: Tx,
  accountId: string,
  type: 'customer.created' | 'customer.updated',
  object: ReturnType<typeof renderCustomer>,
  sequence: number,
): Promise<void> {
  const facts = { object }
  const customerId = object.id
  await emitEvent(tx, { accountId, type, objectId: customerId, sequence, customerId, facts })
}
