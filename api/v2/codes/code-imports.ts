import { z } from '@hono/zod-openapi'
import { importCodes, type CodeImport } from '../../../db/code-imports.ts'
import { getProduct } from '../../../db/products.ts'
import { DomainError } from '../../../domain/error.ts'
import { openCodeKeys, plainCode, sealCode } from '../../../secrets/seal-code.ts'
import { renderInventory } from '../../../wire/inventory.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { readCodeFile } from '../../code-file.ts'
import { idParameter, requireId } from '../../fields.ts'
import { route, type RequestFile, type Route } from '../../route.ts'

const FILE_BYTES_MAX = 4 * 1024 * 1024 // about 50,000 codes, imported well within a request's time
const CSV = 'text/csv'
const JSON_LINES = ['application/jsonl', 'application/x-ndjson']

const importing = route({
  operationId: 'importCodes',
  method: 'post',
  path: '/v2/products/{id}/codes/import',
  tag: 'Codes',
  summary: 'Import codes into the own pool',
  description:
    'A CSV file whose first line names the columns, or one JSON object on each line: `code`, `pin`, `serial`, ' +
    '`url`, `expires_at`, `activation_at`, `face_value`, `redeem_instructions`, and `sku` for a variant; without ' +
    '`sku` a row is of the product itself. All rows are ' +
    'imported or none: what is wrong is told by line, and so is a code that is stored already, so the same file ' +
    'twice is imported once. Orders that wait for the product are woken, oldest first. At most 4 MiB; larger ' +
    'files by `bark codes import`.',
  access: 'codes:write',
  rateClass: 'write',
  idempotency: 'none',
  file: { media: [CSV, ...JSON_LINES], bytesMax: FILE_BYTES_MAX },
  params: z.strictObject({ id: idParameter('id', 'prod_0199c0de5a000123456789abcd') }),
  responses: {
    201: {
      description: 'All rows are in the pool.',
      schema: z
        .strictObject({
          object: z.literal('code_import'),
          product_id: z.string(),
          imported: z.int(),
          woken_orders: z.int(),
        })
        .openapi('CodeImport'),
    },
  },
  errors: ['not_found', 'forbidden_scope', 'invalid_body', 'invalid_fields', 'payload_too_large'],
  async handler(deps, call) {
    const { accountId } = call.caller
    refuseBoundKey(call.caller)
    const product = await getProduct(
      deps.database.db,
      accountId,
      requireId('product', call.input.params.id),
    )
    const { file } = call
    if (file === null || file.bytes.length === 0) throw refused([], 0, 'The file is empty.')
    const keys = await openCodeKeys(
      { ring: deps.keyRing, blindIndex: deps.config.keys.blindIndex },
      accountId,
    )
    const result = await importCodes(deps.database.db, {
      accountId,
      productId: product.id,
      rows: readRows(file, product.sku),
      seal: (row, mode) => sealCode(keys, mode, plainCode(row)),
      printInventory: renderInventory,
    })
    deps.orders.outbox.nudge()
    if (result.outcome === 'refused') throw refused(result.problems, result.problemCount)
    return {
      status: 201,
      body: {
        object: 'code_import' as const,
        product_id: product.id,
        imported: result.imported,
        woken_orders: result.woken,
      },
    }
  },
})

export const codeImportRoutes: readonly Route[] = [importing]

function readRows(file: RequestFile, sku: string): ReturnType<typeof readCodeFile> {
  return readCodeFile(oneChunk(file.bytes), file.media === CSV ? 'csv' : 'jsonl', sku)
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

type Problems = Extract<CodeImport, { outcome: 'refused' }>['problems']

/** Lines are named as fields are: a code never stands in a message. */
function refused(
  problems: Problems,
  count: number,
  message = `${count} ${count === 1 ? 'line' : 'lines'} cannot be imported; nothing was.`,
): DomainError {
  const fields = problems.map(({ line, message: why }) => ({ field: `line ${line}`, message: why }))
  return new DomainError('invalid_fields', message, { fields })
}
