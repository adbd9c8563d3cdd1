import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { listImports } from '../../scripts/import-law.ts'
import { listSourceFiles, ROOT } from '../../scripts/source-files.ts'

/**
 * Only get-codes and the adapters hold a code in the clear. Everything that may, with the reason;
 * a file that begins to open or to carry secrets has to be added here, and so is seen.
 */

/** Who may open what is sealed: calls `.unseal(`. */
const OPENERS: Record<string, string> = {
  'api/v2/codes/codes.ts': 'get-codes, the one place where a code is shown',
  'api/middleware/idempotency.ts': 'repeats an answer that was stored for 24 hours',
  'activities/webhook-request.ts': 'signs with the webhook’s secret',
  'activities/gateways/suppliers.ts': 'signs with the supplier’s secret',
  'cli/keys-rotate.ts': 'seals values anew; they never leave the function',
  'secrets/key-ring.ts': 'is what the others call',
}

/** Who may hold the type of a plain code. */
const HOLDERS: Record<string, string> = {
  'activities/gateways/code-supplier.ts': 'what suppliers sell',
  'cli/seed-codes.ts': 'makes the sandbox’s worthless codes',
  'secrets/seal-code.ts': 'where it ends',
  'secrets/vault.ts': 'names it',
}

const product = listSourceFiles().filter(
  ({ path }) => !/^(test|bench|sandbox|scripts)\//.test(path),
)
const openers = product.filter(({ text }) => /\.unseal\(|\bunseal\(/.test(text))
const holders = product.filter(({ text }) => /\bCodeSecret\b/.test(text))

test('nobody else opens what is sealed', () => {
  const beyond = openers.map(({ path }) => path).filter((path) => path !== 'secrets/vault.ts')
  expect(beyond.toSorted()).toEqual(Object.keys(OPENERS).toSorted())
})

test('nobody else carries a code in the clear', () => {
  const gateways = (path: string) => path.startsWith('activities/gateways/')
  const beyond = holders.map(({ path }) => path).filter((path) => !gateways(path))
  const known = Object.keys(HOLDERS).filter((path) => !gateways(path))
  expect(beyond.toSorted()).toEqual(known.toSorted())
})

test('the primitives are used by the key ring only', () => {
  const users = product.filter(({ text }) =>
    listImports(text).some(({ from, typesOnly }) => from.endsWith('/vault.ts') && !typesOnly),
  )
  const seals = users.filter(({ text }) => /import \{[^}]*\b(un)?seal\b[^}]*\} from/.test(text))
  expect(seals.map(({ path }) => path)).toEqual(['secrets/key-ring.ts'])
})

test('workflows and tables know no plain code: histories and dumps cannot hold one', () => {
  for (const path of ['workflows/contract.ts', 'db/tables.ts']) {
    expect(readFileSync(`${ROOT}${path}`, 'utf8')).not.toMatch(/CodeSecret|plain_?code/i)
  }
})
