import { html } from 'hono/html'
import type { FinanceView } from './view.ts'
import type { Markup } from '../layout.ts'

/** What the form before a page has done, by the word that it leads on with. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['received', 'The payment is recorded.'],
  ['allocated', 'It is paid from what was on account.'],
  ['reversed', 'The return is recorded; the invoice owes it again.'],
  ['sent', 'It is being sent.'],
])

/** Tells it; nothing where no form was sent. */
export function renderDone({ query }: FinanceView): Markup {
  const words = DONE.get(query['done'] ?? '')
  return words === undefined ? html`` : html`<p class="notice" role="status">${words}</p>`
}
