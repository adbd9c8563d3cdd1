import { z } from '@hono/zod-openapi'
import type { CodeListQuestion, CodeListRows, UnitCodeRow } from '../../../db/codes.ts'
import { codeState } from '../../../domain/order-status.ts'
import type { AccountKeys } from '../../../secrets/key-ring.ts'
import { renderCodeList, type CodeListUnit, type OpenedCode } from '../../../wire/code-list.ts'
import type { ApiDeps } from '../../deps.ts'
import { isKnownToClient, onlyTag } from '../../entity-tag.ts'
import { idParameter, notFound } from '../../fields.ts'
import { readPreferences } from '../../prefer.ts'
import { route, type Headers, type Route } from '../../route.ts'
import { ownerOf, requireTransactionId } from '../orders/order-calls.ts'
import { codeListObject } from '../orders/order-shapes.ts'

const RETRY_AFTER_SECONDS = 2 // a supplier's next answer is seldom nearer

const headers = {
  ETag: 'Strong; changes when a unit does.',
  'Cache-Control': '`no-store`: codes are worth money.',
  'Preference-Applied': '`wait=N` when that was preferred.',
}

const getting = (['transactions', 'orders'] as const).map((noun) =>
  route({
    operationId: noun === 'orders' ? 'getOrderCodes' : 'getCodes',
    method: 'get',
    path: `/v2/${noun}/{id}/codes`,
    tag: 'Codes',
    summary: noun === 'orders' ? 'Get the codes of an order' : 'Get the codes of a transaction',
    description:
      'Every unit in stable order, with the codes that are there; the others are `processing`. ' +
      'What was delivered is in every later answer, unchanged. Send `If-None-Match` with the last ' +
      'ETag, and `Prefer: wait=20` to wait until a code arrives; `Retry-After` is there while the list ' +
      'is not final. Each answer with codes is audited.',
    access: 'codes:read',
    rateClass: 'read',
    idempotency: 'none',
    reserved: true,
    params: z.strictObject({
      id: idParameter('id', `${noun === 'orders' ? 'ord' : 'txn'}_0199c0de5a000123456789abcd`),
    }),
    responses: {
      200: { description: 'The codes.', schema: codeListObject, headers },
      304: { description: 'Nothing changed.', headers },
    },
    errors: ['not_found'],
    async handler(deps, call) {
      const id = requireTransactionId(call.input.params.id)
      const known = call.header('if-none-match')
      const { waitSeconds } = readPreferences(call.header('prefer'))
      const question = {
        owner: ownerOf(call.caller),
        transactionId: id,
        knownTag: onlyTag(known),
      }

      let list = await readList(deps, question)
      // Who has an older list hears the news at once.
      const isOld = known !== undefined && !isKnownToClient(known, list.tag)
      if (waitSeconds > 0 && list.remaining > 0 && !isOld) {
        await deps.orders.codes.wait(id, list, waitSeconds * 1_000)
        list = await readList(deps, question)
      }
      const answerHeaders = headersOf(list, waitSeconds)
      const { delivered, remaining, units: rows } = list
      // Polling costs the second only: the plan's hour would be gone in ten seconds.
      if (rows === null || isKnownToClient(known, list.tag)) {
        return { status: 304, headers: answerHeaders, free: remaining > 0 }
      }

      const shown = rows.filter(isShown)
      const keys = await deps.keyRing.forOpening(
        call.caller.accountId,
        new Set(shown.map((row) => row.key_version)),
      )
      const units = rows.map((row) => openUnit(keys, row))
      const codeIds = shown.map((row) => row.code_id)
      if (codeIds.length > 0) {
        await deps.orders.insertReveal({
          accountId: call.caller.accountId,
          transactionId: id,
          keyId: call.caller.keyId,
          address: call.address,
          requestId: call.requestId,
          codeIds,
        })
      }
      return {
        status: 200,
        headers: answerHeaders,
        body: renderCodeList(id, units),
        free: remaining > 0 && delivered === 0,
      }
    },
  }),
)

export const codeRoutes: readonly Route[] = getting

/** Throws `not_found`. */
async function readList(deps: ApiDeps, question: CodeListQuestion): Promise<CodeListRows> {
  const list = await deps.orders.readCodeList(question)
  if (list === null) throw notFound('order')
  return list
}

function headersOf({ tag, remaining }: CodeListRows, waitSeconds: number): Headers {
  return {
    ETag: tag,
    'Cache-Control': 'no-store',
    ...(remaining > 0 ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {}),
    ...(waitSeconds > 0 ? { 'Preference-Applied': `wait=${waitSeconds}` } : {}),
  }
}

type SealedRow = UnitCodeRow & { code_id: string; sealed: Buffer; key_version: number }

/** A unit shows its code once it has it for good, and for ever after. */
function isShown(row: UnitCodeRow): row is SealedRow {
  const state = codeState(row.state)
  return (state === 'available' || state === 'reversed') && row.code_id !== null
}

function openUnit(keys: AccountKeys, row: UnitCodeRow): CodeListUnit {
  return {
    unitId: row.unit_id,
    position: row.position,
    productId: row.product_id,
    variantId: row.variant_id,
    sku: row.sku,
    replacesUnitId: row.replaces_unit_id,
    state: row.state,
    reason: row.reason,
    code: isShown(row) ? openCode(keys, row) : null,
  }
}

const secretShape = z.object({
  code: z.string().nullable(),
  pin: z.string().nullable(),
  serial: z.string().nullable(),
  url: z.string().nullable(),
  redeem_instructions: z.string().nullable().default(null),
})

/** The only place where a code is decrypted to be shown. */
function openCode(keys: AccountKeys, row: SealedRow): OpenedCode {
  const plain = keys.unseal({
    rowId: row.code_id,
    sealed: row.sealed,
    keyVersion: row.key_version,
  })
  const { redeem_instructions: redeemInstructions, ...secret } = readSecret(row.code_id, plain)
  return {
    ...secret,
    type: row.type ?? 'code',
    expiresAt: row.expires_at,
    activationAt: row.activation_at,
    faceValue: row.face_value,
    redeemInstructions,
  }
}

/** Without the parser's own words, which would quote the code into the log. */
function readSecret(codeId: string, plain: string): z.output<typeof secretShape> {
  let value: unknown
  try {
    value = JSON.parse(plain)
  } catch {
    throw new Error(`The secret of ${codeId} is not JSON`)
  }
  return secretShape.parse(value)
}
