import { pipeline, Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import {
  CODE_COLUMNS,
  readCodeRow,
  type CodeCells,
  type CodeRow,
  type RowProblem,
} from '../domain/code-import.ts'

const RECORD_LETTERS_MAX = 16_384 // a quote that is never closed must not swallow the file
const HEADER_PROBLEM = `the first line must name the columns, of ${CODE_COLUMNS.join(', ')}, each once`

/** How a file of codes is written. */
export type CodeFormat = 'csv' | 'jsonl'

/**
 * Reads a file of codes as a stream, row by row, with the number of the line where each row ends.
 * What cannot be read any further is the last problem. `sku` is that of rows that name none.
 */
export function readCodeFile(
  chunks: AsyncIterable<Uint8Array>,
  format: CodeFormat,
  sku = '',
): AsyncGenerator<CodeRow | RowProblem> {
  return format === 'csv' ? readCsv(chunks, sku) : readJsonLines(chunks, sku)
}

async function* readCsv(
  chunks: AsyncIterable<Uint8Array>,
  sku: string,
): AsyncGenerator<CodeRow | RowProblem> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_LETTERS_MAX,
  })
  // The loop below hears every error of the file too, because a failing pipeline ends the parser.
  pipeline(Readable.from(decode(chunks)), parser, () => undefined)
  let columns: string[] | null = null
  let line = 0
  try {
    for await (const value of parser) {
      const { record, info } = asRecord(value)
      line = info.lines
      if (columns === null) {
        columns = readHeader(record, sku !== '')
        if (columns.length === 0) {
          yield { line, message: HEADER_PROBLEM }
          return
        }
      } else if (record.length !== columns.length) {
        yield { line, message: `has ${record.length} columns and not ${columns.length}` }
      } else {
        const cells = cellsOf((name) => record[columns?.indexOf(name) ?? -1] ?? '')
        yield readCodeRow(line, { ...cells, sku: cells.sku || sku })
      }
    }
  } catch (error) {
    yield { line: line + 1, message: readingProblem(error) }
    return
  }
  if (columns === null) yield { line: 1, message: HEADER_PROBLEM }
}

/** UTF-8 or nothing: a code in the wrong encoding would be a wrong code. */
async function* decode(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
  yield decoder.decode()
}

type Parsed = { record: string[]; info: { lines: number } }

/** With `info` the parser answers each row with its place, and without `columns` a row is texts. */
function asRecord(value: unknown): Parsed {
  if (!isParsed(value)) throw new TypeError('the CSV parser answered something else than rows')
  return value
}

function isParsed(value: unknown): value is Parsed {
  return typeof value === 'object' && value !== null && 'record' in value && 'info' in value
}

/** One JSON object on each line, with texts or null under the names of the columns. */
async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  sku: string,
): AsyncGenerator<CodeRow | RowProblem> {
  let line = 0
  try {
    for await (const text of linesOf(decode(chunks))) {
      line += 1
      if (text.trim() === '') continue
      const cells = readCells(text)
      yield typeof cells === 'string'
        ? { line, message: cells }
        : readCodeRow(line, { ...cells, sku: cells.sku || sku })
    }
  } catch (error) {
    yield { line: line + 1, message: readingProblem(error) }
  }
}

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const text of texts) {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length > RECORD_LETTERS_MAX) break
  }
  if (rest !== '') yield rest
}

/** The texts of a line, or in words why it has none. */
function readCells(text: string): CodeCells | string {
  if (text.length > RECORD_LETTERS_MAX) return 'is too long for a row of codes'
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    return 'is not JSON' // the parser's own words would quote the line
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'is not a JSON object'
  }
  const cells = cellsOf(() => '')
  const fields: [string, unknown][] = Object.entries(value)
  for (const [name, cell] of fields) {
    const column = CODE_COLUMNS.find((known) => known === name)
    if (column === undefined) return `has a field that is none of ${CODE_COLUMNS.join(', ')}`
    if (cell !== null && typeof cell !== 'string') return `${column} is not a text`
    cells[column] = cell ?? ''
  }
  return cells
}

/** The columns in their order, or none when the line is not a header. */
function readHeader(record: string[], hasSku: boolean): string[] {
  const names = record.map((name) => name.trim().toLowerCase())
  const known: readonly string[] = CODE_COLUMNS
  const isKnown = names.every((name) => known.includes(name))
  const isComplete =
    (hasSku || names.includes('sku')) && (names.includes('code') || names.includes('url'))
  return isKnown && isComplete && new Set(names).size === names.length ? names : []
}

function cellsOf(cell: (name: string) => string): CodeCells {
  return {
    sku: cell('sku'),
    code: cell('code'),
    pin: cell('pin'),
    serial: cell('serial'),
    url: cell('url'),
    expires_at: cell('expires_at'),
    activation_at: cell('activation_at'),
    face_value: cell('face_value'),
    redeem_instructions: cell('redeem_instructions'),
  }
}

/** The parser's own message would quote the file. What is not about the content goes on. */
function readingProblem(error: unknown): string {
  if (error instanceof CsvError) {
    return `${csvProblem(error.code)}; nothing after it was read`
  }
  if (
    error instanceof TypeError &&
    'code' in error &&
    error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
  ) {
    return 'is not UTF-8; nothing after it was read'
  }
  throw error
}

function csvProblem(code: CsvError['code']): string {
  if (code === 'CSV_MAX_RECORD_SIZE') return 'is too long for a row of codes'
  return code.includes('QUOTE')
    ? 'is not well-formed CSV: a quote is missing or misplaced'
    : 'is not well-formed CSV'
}
