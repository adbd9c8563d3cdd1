import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Bugs in functions are planted in db/functions. Those in triggers and constraints are planted in
 * db/schema.sql, where they stand in their newest form: a patch of a migration would go on to fit when a
 * later one has replaced what it broke. The database is built by migrations, so what a patch changed in
 * the schema is written as the last of them. Throws for a change of any other kind.
 */
export function plantInMigrations(tree: string, original: string): void {
  const before = readSchema(original)
  const after = readSchema(tree)
  const statements: string[] = []
  for (const [name, text] of after) {
    const was = before.get(name)
    if (was !== text) statements.push(statementFor(name, text))
  }
  const gone = [...before.keys()].filter((name) => !after.has(name))
  if (gone.length > 0) throw new Error(`the patch takes away ${gone.join(', ')}`)
  if (statements.length === 0) return
  const folder = join(tree, 'db', 'migrations')
  const last = readdirSync(folder).sort().at(-1) ?? ''
  const number = String(Number(last.slice(0, 4)) + 1).padStart(4, '0')
  writeFileSync(join(folder, `${number}-planted.sql`), `${statements.join(';\n')};\n`)
}

type Name = `${'trigger' | 'constraint' | 'rest'} ${string}`

const TRIGGER = /^(CREATE TRIGGER (\w+) .*);$/gm
const CONSTRAINT = /^ {2}constraint (\w+) (.*?),?$/

/** The schema taken apart: what may be changed by name, and the rest, which may not. */
function readSchema(tree: string): Map<Name, string> {
  const parts = new Map<Name, string>()
  const add = (name: Name, text: string): void => {
    parts.set(name, text)
  }
  let rest = readFileSync(join(tree, 'db', 'schema.sql'), 'utf8')
  rest = rest.replaceAll(TRIGGER, (_, text: string, name: string) => {
    add(`trigger ${name}`, text)
    return ''
  })
  let table = ''
  const others: string[] = []
  for (const line of rest.split('\n')) {
    table = /^create (?:unlogged )?table (\w+)/.exec(line)?.[1] ?? table
    const [, name, definition] = CONSTRAINT.exec(line) ?? []
    if (name === undefined || definition === undefined) others.push(line)
    else add(`constraint ${table} ${name}`, definition)
  }
  add('rest ', others.join('\n'))
  return parts
}

function statementFor(name: Name, text: string): string {
  const [kind, table, constraint] = name.split(' ')
  if (kind === 'trigger') return text.replace(/^CREATE TRIGGER/, 'CREATE OR REPLACE TRIGGER')
  if (kind === 'constraint') {
    return `alter table ${table} drop constraint ${constraint}, add constraint ${constraint} ${text}`
  }
  throw new Error('in the schema a planted bug may change triggers and constraints only')
}
