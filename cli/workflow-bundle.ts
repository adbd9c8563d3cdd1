import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Environment } from './children.ts'

const execute = promisify(execFile)

/** What workflow code may import, so what the bundle is made from. */
const SOURCES = ['workflows', 'domain']

/**
 * The workflows as one file, made before the worker starts: a worker that bundles by itself takes
 * seconds longer at every start. Named by what it is made from, and made only when that has changed.
 * A process of its own does it, because the bundler stays in memory.
 */
export async function ensureWorkflowBundle(
  root: string,
  folder: string,
  options: { env: Environment; signal: AbortSignal },
): Promise<string> {
  const bundle = join(folder, `workflow-bundle-${sourceHash(root)}.js`)
  if (existsSync(bundle)) return bundle
  for (const name of readdirSync(folder).filter((entry) => entry.startsWith('workflow-bundle'))) {
    rmSync(join(folder, name))
  }
  const fresh = `${bundle}.new`
  const program = join(root, 'cli', 'bundle-workflows.ts')
  await execute(process.execPath, [program, fresh], options)
  renameSync(fresh, bundle)
  return bundle
}

function sourceHash(root: string): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  for (const folder of SOURCES) {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    for (const name of names.filter((entry) => entry.endsWith('.ts')).sort()) {
      hash.update(`${folder}/${name}\n`).update(readFileSync(join(root, folder, name)))
    }
  }
  return hash.digest('hex').slice(0, 16)
}
