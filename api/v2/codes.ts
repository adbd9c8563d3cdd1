import { createHash } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import { insertCodeReveal, listUnitCodes, type UnitCodeRow } from '../../db/codes.ts'
import { codeState, tallyUnits } from '../../domain/order-status.ts'
import type { AccountKeys } from '../../key-ring.ts'
import {
  countUnits,
  renderCodeList,
  type CodeListUnit,
  type OpenedCode,
} from '../../wire/code-list.ts'
import { isKnownToClient } from '../entity-tag.ts'
import { idParameter } from '../fields.ts'
import { readPreferences } from '../prefer.ts'
import { route, type Headers, type Route } from '../route.ts'
import { ownerOf, requireTransactionId } from './order-calls.ts'
import { codeListObject } from './order-shapes.ts'

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
      const owner = ownerOf(call.caller)
      const known = call.header('if-none-match')
      const { waitSeconds } = readPreferences(call.header('prefer'))

      let rows = await listUnitCodes(deps.database.pool, owner, id)
      if (waitSeconds > 0 && !isFinal(rows) && !isNews(known, rows)) {
        await deps.orders.codes.wait(id, countUnits(rows), waitSeconds * 1_000)
        rows = await listUnitCodes(deps.database.pool, owner, id)
      }
      const answerHeaders = headersOf(rows, waitSeconds)
      // Polling costs the second only: the plan's hour would be gone in ten seconds.
      const { delivered, remaining } = tallyUnits(countUnits(rows))
      if (isKnownToClient(known, tagOf(rows))) {
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
        await insertCodeReveal(deps.database.pool, {
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

function isFinal(rows: UnitCodeRow[]): boolean {
  return tallyUnits(countUnits(rows)).remaining === 0
}

/** Whether the client has an older list: then there is nothing to wait for. */
function isNews(known: string | undefined, rows: UnitCodeRow[]): boolean {
  return known !== undefined && !isKnownToClient(known, tagOf(rows))
}

function headersOf(rows: UnitCodeRow[], waitSeconds: number): Headers {
  return {
    ETag: tagOf(rows),
    'Cache-Control': 'no-store',
    ...(isFinal(rows) ? {} : { 'Retry-After': String(RETRY_AFTER_SECONDS) }),
    ...(waitSeconds > 0 ? { 'Preference-Applied': `wait=${waitSeconds}` } : {}),
  }
}

/** Of everything that can change; a code itself never does, so its id stands for it. */
function tagOf(rows: UnitCodeRow[]): string {
  const changing = rows.map((row) => [row.unit_id, row.state, row.reason, row.code_id])
  const digest = createHash('sha256').update(JSON.stringify(changing)).digest('base64url')
  return `"${digest.slice(0, 27)}"`
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
