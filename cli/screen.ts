import type { WriteStream } from 'node:tty'
import type { OnProgress } from './temporal-server.ts'

/** What a person sees while things start: a line per step with its duration, nothing that flickers. */
export type Screen = {
  /** Runs the work and prints a line when it is done; passes its error on. */
  step<T>(
    label: string,
    work: (onProgress: OnProgress) => Promise<T>,
    describe?: (result: T) => string,
  ): Promise<T>
  say(text: string): void
}

const LABEL_WIDTH = 14
/** Without a terminal nothing can be overwritten, so a long step speaks seldom. */
const PROGRESS_EVERY_MS = 15_000

/** Once `giveUp` is aborted, a step that ends early was broken off; it did not fail. */
export function openScreen(stream: WriteStream, giveUp: AbortSignal): Screen {
  let shown = ''
  const clear = () => {
    if (shown !== '') stream.write('\r\u001b[K')
  }
  const print = (text: string) => {
    clear()
    stream.write(`${text}\n`)
    if (shown !== '') stream.write(shown)
  }

  return {
    say: print,
    async step(label, work, describe) {
      const startedAt = performance.now()
      let spokeAt = startedAt - PROGRESS_EVERY_MS
      const onProgress: OnProgress = (text) => {
        const line = `  ${label.padEnd(LABEL_WIDTH)} … ${text}`
        if (stream.isTTY) {
          clear()
          shown = line.slice(0, stream.columns - 1)
          stream.write(shown)
        } else if (performance.now() - spokeAt >= PROGRESS_EVERY_MS) {
          spokeAt = performance.now()
          print(line)
        }
      }
      try {
        const result = await work(onProgress)
        clear()
        shown = ''
        print(
          `  ${label.padEnd(LABEL_WIDTH)} ${seconds(startedAt)}  ${describe?.(result) ?? ''}`.trimEnd(),
        )
        return result
      } catch (error) {
        clear()
        shown = ''
        print(
          `  ${label.padEnd(LABEL_WIDTH)} ${seconds(startedAt)}  ${giveUp.aborted ? 'broken off' : 'failed'}`,
        )
        throw error
      }
    },
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`.padStart(7)
}
