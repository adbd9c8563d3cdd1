import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../scripts/source-files.ts'

/** Programs of others that read our documents. Each answers what is wrong; nothing is a pass. */

export const FOLDER = join(ROOT, '.cache', 'documents')
const JARS = join(ROOT, '.cache', 'validators')
/** One file with everything in it; its own description names parts that are nowhere. */
const MUSTANG = 'org.mustangproject:Mustang-CLI:2.26.0'

type Ran = { status: number | null; output: string }

function run(program: string, ...args: string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error !== undefined) throw new Error(`${program} does not run here: ${error.message}`)
  return { status, output: `${stdout}${stderr}` }
}

/** Makes room for the samples, and lets Maven bring veraPDF and Mustang where they are not there. */
export function prepareJudges(): void {
  for (const program of ['java', 'qpdf', 'pdfinfo', 'pdfdetach', 'pdftotext', 'python3']) {
    if (spawnSync(program, ['--version']).error !== undefined) {
      throw new Error(
        `verify:documents needs ${program}: install qpdf, poppler-utils, Python, Java.`,
      )
    }
  }
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  mkdirSync(JARS, { recursive: true })
  if (readdirSync(JARS).some((name) => name.startsWith('Mustang'))) return
  const pom = join(ROOT, 'test', 'documents', 'validators', 'pom.xml')
  const wanted = [
    ['-f', pom, 'dependency:copy-dependencies'],
    ['dependency:copy', `-Dartifact=${MUSTANG}`],
  ]
  for (const goal of wanted) {
    const { status, output } = run('mvn', '-q', '-B', ...goal, `-DoutputDirectory=${JARS}`)
    if (status !== 0) throw new Error(`Maven did not bring the validators:\n${output}`)
  }
}

/** The syntax of the file, and the number of its pages. */
export function judgePdf(path: string): string[] {
  const checked = run('qpdf', '--check', path)
  const info = run('pdfinfo', path)
  return [
    ...(checked.status === 0 ? [] : [`qpdf: ${checked.output}`]),
    ...(/^Pages: +[1-9]/m.test(info.output) ? [] : [`pdfinfo: ${info.output}`]),
  ]
}

/** PDF/A-3b, by veraPDF: the clauses of ISO 19005-3 that are broken. */
export function judgePdfA(path: string): string[] {
  const jars = join(JARS, '*')
  const main = 'org.verapdf.apps.GreenfieldCliWrapper'
  const { status, output } = run(
    'java',
    ...['-cp', jars, main, '--flavour', '3b', '--format', 'mrr', path],
  )
  const clauses = [...output.matchAll(/<rule [^>]*clause="([\d.]+)"/g)].map(([, clause]) => clause)
  if (status === 0 && clauses.length === 0) return []
  return clauses.length > 0 ? clauses.map((clause) => `veraPDF: clause ${clause}`) : [output]
}

/** The rules of EN 16931 and the schema of the syntax, by Mustang: XML, or a PDF with XML inside. */
export function judgeNorm(path: string): string[] {
  const jar = readdirSync(JARS).find((name) => name.startsWith('Mustang')) ?? ''
  const { status, output } = run(
    'java',
    ...['-jar', join(JARS, jar), '--disable-file-logging', '--no-notices'],
    ...['--action', 'validate', '--source', path],
  )
  const errors = [...output.matchAll(/<error[^>]*>([^<]*)<\/error>/g)].map(([, text = '']) => text)
  if (status === 0 && errors.length === 0) return []
  return errors.length > 0 ? errors.map((error) => `Mustang: ${error.trim()}`) : [output]
}

/** The file inside a PDF, or null. */
export function detach(path: string, name: string): Buffer | null {
  const folder = `${path}.attached`
  mkdirSync(folder, { recursive: true })
  run('pdfdetach', '-saveall', '-o', folder, path)
  return readdirSync(folder).includes(name) ? readFileSync(join(folder, name)) : null
}

/** What a person reads in a PDF, line by line. */
export function readText(path: string): string {
  return run('pdftotext', '-layout', path, '-').output
}

const READ_CSV = `
import csv, json, sys
with open(sys.argv[1], newline='', encoding='utf-8') as file:
    rows = list(csv.reader(file, strict=True))
print(json.dumps(rows))
`

/** The rows of a CSV as Python reads them; throws where it does not. */
export function readCsv(path: string): string[][] {
  const { status, output } = run('python3', '-c', READ_CSV, path)
  if (status !== 0) throw new Error(`Python: ${output}`)
  const rows: string[][] = JSON.parse(output)
  return rows
}
