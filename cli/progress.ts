import type { CommandContext } from './command.ts'

/** How far a long command is. */
export type Progress = {
  add(count: number): void
  /** Ends the display; answers what was added in all. */
  done(): number
}

const SPEAK_EVERY_MS = 2_000 // in a log; a terminal's line is drawn over
const DRAW_EVERY_MS = 100
const BAR_LETTERS = 30

/** A bar on a terminal, a line now and then elsewhere, both on standard error. */
export function showProgress(
  { err }: Pick<CommandContext, 'err'>,
  label: string,
  total: number,
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Progress {
  let count = 0
  let shownAtMs = stream.isTTY ? 0 : performance.now()
  const say = (): string => {
    const share = total === 0 ? 1 : Math.min(1, count / total)
    const full = Math.floor(share * BAR_LETTERS)
    const bar = '█'.repeat(full) + '░'.repeat(BAR_LETTERS - full)
    const figures = `${Math.floor(share * 100)} %  ${count.toLocaleString('en')} of ${total.toLocaleString('en')} ${label}`
    return stream.isTTY ? `\r${bar}  ${figures}` : figures
  }
  return {
    add(more) {
      count += more
      const now = performance.now()
      if (now - shownAtMs < (stream.isTTY ? DRAW_EVERY_MS : SPEAK_EVERY_MS)) return
      shownAtMs = now
      if (stream.isTTY) stream.write(say())
      else err(say())
    },
    done() {
      if (stream.isTTY && count > 0) stream.write(`${say()}\n`)
      return count
    },
  }
}
