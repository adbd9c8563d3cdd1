/** A question that waits for a statement. */
type Waiting<Question> = { readonly question: Question }

/** How questions go together. */
export type GatherLimits<Question> = {
  /** Statements on their way at once. */
  lanes?: number
  /** How many of who waits, first come first, go into the next statement: at least one. */
  take?(waiting: readonly Waiting<Question>[]): number
  /** After so long the next statement goes, however many are on their way; never when left out. */
  waitMsMax?: number
  /** Called when nobody waits and no statement is on its way. */
  onIdle?(): void
}

/**
 * Puts what many requests ask at the same time into one statement: `ask` gets their questions and
 * answers them in the same order. A question asked alone goes at once; while as many statements are
 * on their way as there are lanes (one, when left out), the next ones gather and go together when one
 * comes back. So an answer is never older than its question, and no question waits for time to pass.
 * What makes a statement fail fails all questions in it.
 */
export function createGatherer<Question, Answer>(
  ask: (questions: Question[]) => Promise<readonly Answer[]>,
  { lanes = 1, take = takeFew, waitMsMax, onIdle }: GatherLimits<Question> = {},
): (question: Question) => Promise<Answer> {
  const waiting: (PromiseWithResolvers<Answer> & Waiting<Question>)[] = []
  let onTheWay = 0
  let timer: NodeJS.Timeout | undefined

  function send(): void {
    clearTimeout(timer)
    timer = undefined
    const batch = waiting.splice(0, take(waiting))
    if (waiting.length > 0) sendLater()
    if (batch.length === 0) {
      if (onTheWay === 0) onIdle?.()
      return
    }
    onTheWay += 1
    ask(batch.map(({ question }) => question))
      .then((answers) => {
        if (answers.length !== batch.length) throw new Error('Not every question was answered')
        for (const [index, answer] of answers.entries()) batch[index]?.resolve(answer)
      })
      .catch((error: unknown) => {
        for (const { reject } of batch) reject(error)
      })
      .finally(() => {
        onTheWay -= 1
        if (onTheWay < lanes) send()
      })
  }

  function sendLater(): void {
    if (waitMsMax !== undefined) timer ??= setTimeout(send, waitMsMax)
  }

  return (question) => {
    const asked = { question, ...Promise.withResolvers<Answer>() }
    waiting.push(asked)
    if (onTheWay < lanes) send()
    else sendLater()
    return asked.promise
  }
}

const BATCH_MAX = 64 // of one statement: what it reads is held in memory at once

function takeFew(): number {
  return BATCH_MAX
}
