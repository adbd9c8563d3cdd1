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
