import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs'

/** What a party of the outside world keeps for ever: an append-only file of JSON lines. */
export type EntryFile<Entry> = {
  /** Takes entries as they are now; the disk has them after `flush`. */
  append(entries: readonly Entry[]): void
  /** Writes what was appended since, all of it or, after a kill, nothing that was answered. */
  flush(): void
  close(): void
}

/**
 * Opens the file and tells what stands in it, in the order in which it was written; with an empty path
 * it keeps nothing. A last line that a kill cut short was never answered: it goes. Throws when a whole
 * line is not an entry.
 */
export function openEntryFile<Entry>(
  path: string,
  isEntry: (value: unknown) => value is Entry,
  remember: (entry: Entry) => void,
): EntryFile<Entry> {
  if (path !== '') readEntries(path, isEntry).forEach(remember)
  const file = path === '' ? null : openSync(path, 'a', 0o600)
  const unwritten: string[] = []
  return {
    append(added) {
      if (file !== null) unwritten.push(...added.map((entry) => `${JSON.stringify(entry)}\n`))
    },
    flush() {
      if (file === null || unwritten.length === 0) return
      writeWhole(file, unwritten.splice(0).join(''))
      fsyncSync(file)
    },
    close() {
      if (file !== null) closeSync(file)
    },
  }
}

function readEntries<Entry>(path: string, isEntry: (value: unknown) => value is Entry): Entry[] {
  if (!existsSync(path)) return []
  const bytes = readFileSync(path)
  const end = bytes.lastIndexOf('\n') + 1
  if (end < bytes.length) truncateSync(path, end)
  const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1)
  return lines.map((line, index) => {
    const entry: unknown = JSON.parse(line)
    if (!isEntry(entry)) throw new Error(`${path}:${index + 1} is not a line of this store`)
    return entry
  })
}

function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written, bytes.length - written)
  }
}
