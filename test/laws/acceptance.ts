import { readFileSync } from 'node:fs'
import { ROOT } from '../../scripts/source-files.ts'

/** One row of docs/acceptance.md; `tests` is empty where the row names none. */
export type AcceptanceRow = { id: string; state: string; tests: NamedTest[] }

/** A test by its file from the top, and its title as written there; no title means the whole file. */
export type NamedTest = { path: string; title: string | undefined }

/** The rows of docs/acceptance.md in their order. */
export function readAcceptance(): AcceptanceRow[] {
  return parseAcceptance(readFileSync(`${ROOT}docs/acceptance.md`, 'utf8'))
}

/** The rows of a table with the columns id, capability, state, proving test. */
export function parseAcceptance(text: string): AcceptanceRow[] {
  return [...text.matchAll(/^\| ([A-Z]+-\d+) \|.*$/gm)].map(([line, id = '']) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    if (cells.length !== 6)
      throw new Error(`${id}: a row has four cells, this one has ${cells.length - 2}`)
    const tests = (cells[4] ?? '').split('<br>').filter((name) => name.trim() !== '')
    return { id, state: cells[3] ?? '', tests: tests.map(parseNamedTest) }
  })
}

/** Whether a test's full title, with the values of `test.each` filled in, is the named one. */
export function isTitled(title: string, named: string): boolean {
  const pattern = named
    .split(/%[sdifjo#$]|\$[\w.]+/)
    .map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${pattern}$`, 's').test(title)
}

function parseNamedTest(text: string): NamedTest {
  const [path = '', title] = text.replaceAll('`', '').split(' › ')
  return { path: path.trim(), title: title?.trim() }
}
