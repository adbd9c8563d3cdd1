import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { expect, test } from 'vitest'
import { findImportBreaches, listImports, ROOMS } from '../../scripts/import-law.ts'
import { listSourceFiles, ROOT } from '../../scripts/source-files.ts'

/** A file of each room, at the depth at which files of the room lie. */
const SAMPLES = Object.keys(ROOMS)
  .filter((room) => !['bin', 'vitest.config.ts'].includes(room))
  .map((room) => (room.endsWith('.ts') ? room : `${room}/sample.ts`))

const IMPORTERS = [
  ...SAMPLES,
  ...['api/v1/sample.ts', 'api/v2/sample.ts', 'api/v2/orders/sample.ts'],
  ...['api/middleware/sample.ts', 'api/pages/finance/sample.ts'],
]
const TARGETS = [
  ...SAMPLES,
  ...['api/v1/other.ts', 'api/v2/orders/other.ts', 'workflows/contract.ts'],
]
const PACKAGES = [
  'node:fs',
  'node:fs/promises',
  'pino',
  'zod',
  'kysely',
  'pg',
  'hono',
  'hono/html',
  '@hono/zod-openapi',
  'undici',
  'pdfkit',
  'nodemailer',
  '@temporalio/client',
  '@temporalio/common',
  '@temporalio/worker',
  '@temporalio/workflow',
  '@temporalio/activity',
]

test('every file imports only what its room may import', () => {
  const files = listSourceFiles()
  expect(files.length).toBeGreaterThan(10)
  expect(files.flatMap(findImportBreaches)).toEqual([])
})

test('reads every form of import, and no comment or string', () => {
  const text = [
    "import 'a'",
    "import b from 'b'",
    "import type { C } from 'c'",
    "import {\n  d,\n  type D,\n} from 'd'",
    "export { e } from 'e'",
    "export type { F } from 'f'",
    "const g = await import('g')",
    "type H = typeof import('h')",
    "/** import x from 'x' */",
    "// import x from 'x'",
    'const text = "import x from \'x\'"',
    "export const y = 'y'",
  ].join('\n')
  expect(listImports(text).map((use) => (use.typesOnly ? `${use.from}:types` : use.from))).toEqual([
    'a',
    'b',
    'c:types',
    'd',
    'e',
    'f:types',
    'g',
    'h:types',
  ])
})

test.each([
  ['domain/money.ts', "import { sql } from 'kysely'"],
  ['domain/money.ts', "import { readFile } from 'node:fs/promises'"],
  ['workflows/settle.ts', "import { reserveStock } from '../activities/stock.ts'"],
  ['workflows/settle.ts', "import type { Db } from '../db/client.ts'"],
  ['db/stock.ts', "import { printStock } from '../wire/stock.ts'"],
  ['wire/orders.ts', "import { getOrder } from '../db/orders.ts'"],
  ['api/v1/orders.ts', "import { listOrders } from '../v2/orders/orders.ts'"],
  ['api/v2/orders/orders.ts', "import { Client } from '@temporalio/client'"],
  ['api/v2/orders/orders.ts', "import { fulfillTransaction } from '../../../workflows/index.ts'"],
  ['api/app.ts', "import type { Config } from '../config.ts'"],
  ['activities/webhooks.ts', "import { request } from 'undici'"],
  ['bin/bark.mjs', "import pg from 'pg'"],
  ['worker.ts', "import { startSupplier } from './sandbox/supplier.ts'"],
  ['utilities/strings.ts', "import { readFile } from 'node:fs/promises'"],
])('refuses in %s: %s', (path, text) => {
  expect(findImportBreaches({ path, text })).toHaveLength(1)
})

test.each([
  ['workflows/settle.ts', "import type { Activities } from '../activities/index.ts'"],
  ['wire/orders.ts', "import type { OrderRow } from '../db/orders.ts'"],
  ['api/v2/orders/orders.ts', "import { orderId } from '../../../workflows/contract.ts'"],
  ['api/v2/orders/orders.ts', "import { respond } from '../../errors.ts'"],
  ['api/temporal.ts', "import { Client } from '@temporalio/client'"],
  ['activities/gateways/mailer.ts', "import { createTransport } from 'nodemailer'"],
  ['dispatcher.ts', "import { Client } from '@temporalio/client'"],
])('allows in %s: %s', (path, text) => {
  expect(findImportBreaches({ path, text })).toEqual([])
})

test('the linter refuses exactly what the law refuses', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bark-import-law-'))
  try {
    await cp(`${ROOT}.oxlintrc.json`, join(folder, '.oxlintrc.json'))
    const expected = new Set<string>()
    for (const path of IMPORTERS.filter((file) => !/^(test|bench)/.test(file))) {
      const lines = importLines(path)
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), lines.join('\n'))
      for (const text of lines) {
        if (findImportBreaches({ path, text }).length > 0) expected.add(`${path} ${text}`)
      }
    }
    expect(expected.size).toBeGreaterThan(100)
    expect([...lint(folder)].toSorted()).toEqual([...expected].toSorted())
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** One line for each thing that a file may or may not import, as a value and as types. */
function importLines(path: string): string[] {
  const ours = TARGETS.filter((target) => target !== path).map((target) => {
    const relative = posix.relative(posix.dirname(path), target)
    return relative.startsWith('.') ? relative : `./${relative}`
  })
  return [...ours, ...PACKAGES].flatMap((from, index) => [
    `import { value${index} } from '${from}'`,
    `import type { Type${index} } from '${from}'`,
  ])
}

/** What the linter refuses in the planted files: `path line`. */
function lint(folder: string): Set<string> {
  const linter = `${ROOT}node_modules/oxlint/bin/oxlint`
  const { stdout: output } = spawnSync(process.execPath, [linter, '--format=unix'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 50_000_000,
  })
  const refused = new Set<string>()
  for (const match of output.matchAll(/^(.+?):(\d+):\d+: .*\(no-restricted-imports\)\]$/gm)) {
    const [path, line] = [String(match[1]), Number(match[2])]
    refused.add(`${path} ${importLines(path)[line - 1]}`)
  }
  return refused
}
