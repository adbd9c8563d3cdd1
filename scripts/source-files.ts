import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The top of the project, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A file of ours: its path from the top with forward slashes, and its text. */
export type SourceFile = { path: string; text: string }

const NOT_OURS = /(^|\/)(node_modules|\.git|\.bark|\.cache|coverage|sdk)(\/|$)/

/** Every program file of ours in the order of its path, as it is on disk now. */
export function listSourceFiles(pattern = '**/*.{ts,mjs}'): SourceFile[] {
  return globSync(pattern, { cwd: ROOT, exclude: (path) => NOT_OURS.test(path) })
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }))
}

/** The commit of the tree, short, and whether the tree has more than the commit. */
export function commitOf(): string {
  const options = { cwd: ROOT, encoding: 'utf8' as const }
  const head = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], options).trim()
  const changed = execFileSync('git', ['status', '--porcelain'], options).trim() !== ''
  return changed ? `${head} with changes` : head
}
