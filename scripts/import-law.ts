import { posix } from 'node:path'
import type { SourceFile } from './source-files.ts'

/** What the files of one room may import. Rooms are folders, or the names of top-level files. */
type Room = {
  /** Rooms, or single files of a room, that it may use. A room always includes itself. */
  rooms: readonly string[]
  /** Rooms of which it may use types only. */
  typesOf?: readonly string[]
  /** Package names; `node:` stands for every module of Node, `@scope/` for every one of a scope. */
  packages: readonly string[] | 'any'
  /** Packages of which it may use types only. */
  packageTypes?: readonly string[]
  /** Packages that it may not use although `packages` is 'any'. */
  notPackages?: readonly string[]
}

const PRODUCT = ['domain', 'db', 'documents', 'wire', 'workflows', 'activities', 'api'] as const
/** What every room with effects may use. */
const EVERYWHERE = ['log.ts', 'new-id.ts', 'secrets'] as const
const TEMPORAL_PROCESSES = ['@temporalio/client', '@temporalio/worker', '@temporalio/workflow']
const API: Room = {
  rooms: ['domain', 'db', 'documents', 'wire', 'api', ...EVERYWHERE, 'workflows/contract.ts'],
  typesOf: ['workflows'],
  packages: 'any',
  notPackages: ['@temporalio/', 'kysely', 'pg', 'undici'],
}
const ACTIVITIES: Room = {
  rooms: ['domain', 'db', 'documents', 'wire', 'activities', ...EVERYWHERE],
  packages: ['@temporalio/activity', '@temporalio/common', 'node:', 'pino'],
}
const DISPATCHER: Room = {
  rooms: [
    ...['domain', 'db', 'log.ts', 'new-id.ts', 'workflows/contract.ts'],
    ...['dispatcher.ts', 'workflow-starts.ts'],
  ],
  typesOf: ['workflows'],
  packages: 'any',
  notPackages: ['hono', '@hono/'],
}
const COMPOSITION_ROOT: Room = {
  rooms: [...PRODUCT, 'config.ts', ...EVERYWHERE, 'dispatcher.ts', 'workflow-starts.ts'],
  packages: 'any',
}

/**
 * Who may import whom: the law of the layers. A file belongs to the longest entry that begins its
 * path. `.oxlintrc.json` says the same to the editor; a test tries one against the other.
 */
export const ROOMS: Readonly<Record<string, Room>> = {
  domain: { rooms: [], packages: [] },
  wire: { rooms: ['domain'], typesOf: ['db'], packages: [], packageTypes: ['kysely'] },
  workflows: {
    rooms: ['domain'],
    typesOf: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  db: { rooms: ['domain'], packages: ['kysely', 'pg', 'node:'] },
  documents: { rooms: ['domain'], packages: ['pdfkit', 'xmlbuilder2', 'node:'] },
  activities: ACTIVITIES,
  'activities/gateways': {
    ...ACTIVITIES,
    packages: 'any',
    notPackages: ['hono', '@hono/', ...TEMPORAL_PROCESSES],
  },
  api: API,
  'api/temporal.ts': {
    ...API,
    notPackages: [...TEMPORAL_PROCESSES.slice(1), '@temporalio/activity', 'kysely', 'pg', 'undici'],
  },
  'dispatcher.ts': DISPATCHER,
  'workflow-starts.ts': DISPATCHER,
  'log.ts': { rooms: [], packages: ['pino'] },
  'new-id.ts': { rooms: ['domain'], packages: ['node:'] },
  secrets: { rooms: ['db', 'new-id.ts'], packages: ['node:'] },
  'config.ts': { rooms: [], packages: ['zod', 'node:'] },
  'worker.ts': COMPOSITION_ROOT,
  'server.ts': COMPOSITION_ROOT,
  // Runs on any Node, before the packages are there.
  bin: { rooms: ['cli/main.ts'], packages: ['node:'] },
  cli: COMPOSITION_ROOT,
  sandbox: { rooms: ['domain'], packages: ['hono', '@hono/', 'node:'] },
  scripts: { ...COMPOSITION_ROOT, rooms: [...COMPOSITION_ROOT.rooms, 'cli'] },
  test: {
    rooms: [
      ...COMPOSITION_ROOT.rooms,
      'worker.ts',
      'server.ts',
      'cli',
      'sandbox',
      'scripts',
      'bench',
    ],
    packages: 'any',
  },
  bench: { ...COMPOSITION_ROOT, rooms: [...COMPOSITION_ROOT.rooms, 'cli', 'test', 'scripts'] },
  'vitest.config.ts': { rooms: ['test'], packages: 'any' },
}

/** Two renderers of one core: neither may know of the other. */
const STRANGERS = [
  ['api/v1', 'api/v2'],
  ['api/v2', 'api/v1'],
] as const

/** Breaches of the law in one file, one sentence each, naming the import. */
export function findImportBreaches(file: SourceFile): string[] {
  const name = roomOf(file.path)
  const room = name === undefined ? undefined : ROOMS[name]
  if (name === undefined || !room) return [`${file.path}: is in no room of the import law`]
  return listImports(file.text)
    .filter((use) => !isAllowed(file.path, name, room, use))
    .map(
      (use) =>
        `${file.path}: ${name} may not import ${use.typesOnly ? 'types of ' : ''}${use.from}`,
    )
}

type Use = { from: string; typesOnly: boolean }

/**
 * The imports of a module as prettier prints them: each at the start of a line. An inline
 * `import { type A }` counts as a value, because the module is loaded all the same.
 */
export function listImports(text: string): Use[] {
  const code = text.replaceAll(/^\s*\/\*[^]*?\*\//gm, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const uses: Use[] = []
  const declarations = /^(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]+?\sfrom\s+)?['"]([^'"]+)['"]/gm
  for (const match of code.matchAll(declarations)) {
    uses.push({ from: String(match[2]), typesOnly: match[1] !== undefined })
  }
  for (const match of code.matchAll(/(typeof\s+)?\bimport\(\s*['"`]([^'"`]+)['"`]/g)) {
    uses.push({ from: String(match[2]), typesOnly: match[1] !== undefined })
  }
  return uses
}

function isAllowed(path: string, name: string, room: Room, use: Use): boolean {
  if (!use.from.startsWith('.')) return isPackageAllowed(room, use)
  const target = posix.join(posix.dirname(path), use.from)
  if (STRANGERS.some(([a, b]) => isIn(path, a) && isIn(target, b))) return false
  const top = name.split('/')[0] ?? name
  const targetRoom = roomOf(target)
  if (targetRoom === undefined) return false
  if (isIn(target, top) || room.rooms.some((allowed) => isIn(target, allowed))) return true
  return use.typesOnly && (room.typesOf ?? []).some((allowed) => isIn(target, allowed))
}

function isPackageAllowed(room: Room, use: Use): boolean {
  const names = (entry: string): boolean =>
    entry.endsWith('/') || entry.endsWith(':') ? use.from.startsWith(entry) : isIn(use.from, entry)
  if (use.typesOnly && (room.packageTypes ?? []).some(names)) return true
  if (room.packages === 'any') return !(room.notPackages ?? []).some(names)
  return room.packages.some(names)
}

function roomOf(path: string): string | undefined {
  return Object.keys(ROOMS)
    .filter((room) => isIn(path, room))
    .toSorted((a, b) => b.length - a.length)[0]
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
