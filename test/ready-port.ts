import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Reads a child's log until its line `ready`, which names its port. */
export async function readyPort(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the child has no standard output to read')
  for await (const line of createInterface({ input: child.stdout })) {
    const entry: unknown = line.startsWith('{') ? JSON.parse(line) : null
    if (typeof entry !== 'object' || entry === null) continue
    if (Reflect.get(entry, 'msg') === 'ready') {
      child.stdout.resume()
      return Number(Reflect.get(entry, 'port'))
    }
  }
  throw new Error('the child ended before it was ready')
}
