/**
 * Puts what many requests ask at the same time into one statement: `ask` gets their questions and
 * answers them in the same order. A question asked alone goes at once; while `lanes` statements are
 * on their way, the next ones gather and go together with the first lane that comes back. So an
 * answer is never older than its question, and no question waits for time to pass. What makes a
 * statement fail fails all questions in it.
 */
export function createGatherer<Question, Answer>(
  ask: (questions: Question[]) => Promise<readonly Answer[]>,
  lanes = 1,
): (question: Question) => Promise<Answer> {
  const waiting: (PromiseWithResolvers<Answer> & { question: Question })[] = []
  let running = 0

  /** Asks for who waits, and then for who has come meanwhile, until nobody has. */
  function runLane(): void {
    const batch = waiting.splice(0, BATCH_MAX)
    if (batch.length === 0) {
      running -= 1
      return
    }
    ask(batch.map(({ question }) => question))
      .then((answers) => {
        if (answers.length !== batch.length) throw new Error('Not every question was answered')
        for (const [index, answer] of answers.entries()) batch[index]?.resolve(answer)
      })
      .catch((error: unknown) => {
        for (const { reject } of batch) reject(error)
      })
      .finally(runLane)
  }

  return (question) => {
    const asked = { question, ...Promise.withResolvers<Answer>() }
    waiting.push(asked)
    if (running < lanes) {
      running += 1
      runLane()
    }
    return asked.promise
  }
}

const BATCH_MAX = 64 // of one statement: what it reads is held in memory at once
