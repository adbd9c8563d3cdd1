import { readdirSync, readFileSync } from 'node:fs'
import { ROOT } from './source-files.ts'

export type SchemaFile = { path: string; text: string }

const FUNCTIONS = 'db/functions/'
const DEFINITION = /^create (?:or replace )?function (\w+)/gm

/**
 * Where functions of SQL do not stand in their room. A function that a table is defined with (a
 * default, a check, a guard of its rows) stands in the migration that makes the table; every other one
 * stands in `db/functions/`, in a file that is called like it, and only there: so its newest text is
 * in one place, and two changes to it meet. One line per breach.
 */
export function findFunctionBreaches(files: SchemaFile[]): string[] {
  const tables = files.filter(({ path }) => !path.startsWith(FUNCTIONS)).map(({ text }) => text)
  return files.flatMap(({ path, text }) => {
    const names = [...text.matchAll(DEFINITION)].map(([, name]) => name ?? '')
    if (path.startsWith(FUNCTIONS)) {
      const own = path.slice(FUNCTIONS.length, -'.sql'.length)
      return names.length === 1 && names[0] === own
        ? []
        : [`${path} has to define ${own} and nothing else, but defines ${names.join(', ')}`]
    }
    return names
      .filter((name) => !tables.some((table) => needs(table, name)))
      .map((name) => `${path} defines ${name}: it belongs in ${FUNCTIONS}${name}.sql`)
  })
}

function needs(migration: string, name: string): boolean {
  return new RegExp(String.raw`\b(default|check|execute function)\b[^;]*?\b${name}\(`).test(
    migration,
  )
}

/** The migrations and the functions, as they are on disk. */
export function readSchemaFiles(): SchemaFile[] {
  return ['db/migrations', 'db/functions'].flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`)
      .map((name) => `${folder}/${name}`)
      .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') })),
  )
}
