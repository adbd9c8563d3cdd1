import { html } from 'hono/html'
import type { DeliveryState } from '../../../db/deliveries.ts'
import type { WebhookRow } from '../../../db/webhooks.ts'
import { wallClock } from '../../../documents/display.ts'
import type { ApiDeps } from '../../deps.ts'
import { renderState, type Markup, type Tone } from '../layout.ts'

/** What a page is made from; `accountId` owns everything that it shows. */
export type DashboardView = {
  deps: ApiDeps
  accountId: string
  /** Whether the key may do more than look. */
  mayWrite: boolean
  /** IANA zone of the account. */
  timeZone: string
  params: Readonly<Record<string, string>>
  query: Readonly<Record<string, string>>
}

export type DashboardContent = { title: string; body: Markup }

/** A page: reads what the account owns and prints it. */
export type DashboardPage = (view: DashboardView) => Promise<DashboardContent>

const OFF_REASONS = {
  endpoint_gone: 'it answered 410',
  only_failures: 'it only failed for 120 hours',
} as const

/** Whether an endpoint gets what happens, and why not. */
export function renderWebhookState(row: WebhookRow, timeZone: string): Markup {
  if (row.disabled_reason !== null) {
    return html`${renderState('switched off', 'bad')}
      <span class="small">because ${OFF_REASONS[row.disabled_reason]}</span>`
  }
  if (!row.active) return renderState('paused', 'quiet')
  if (row.failing_since === null) return renderState('active', 'good')
  return html`${renderState('failing', 'wait')}
    <span class="small">since ${renderInstant(row.failing_since, timeZone)}</span>`
}

const TONES: Readonly<Record<DeliveryState, Tone>> = {
  pending: 'wait',
  delivered: 'good',
  failed: 'bad',
  cancelled: 'quiet',
}

export function renderDeliveryState({
  state,
  reason,
}: {
  state: DeliveryState
  reason: string | null
}): Markup {
  return html`${renderState(state, TONES[state])}
  ${reason === null ? '' : html`<span class="small">${reason.replaceAll('_', ' ')}</span>`}`
}

/** What an endpoint answered: "HTTP 500", "timeout", or both. */
export function describeAnswer(status: number | null, error: string | null): string {
  const parts = [
    status === null ? null : `HTTP ${status}`,
    error === null ? null : error.replaceAll('_', ' '),
  ].filter((part) => part !== null)
  return parts.length === 0 ? '–' : parts.join(', ')
}

/** To the second, as the wall clock of the account's zone shows it. */
export function renderInstant(instant: Date, timeZone: string): Markup {
  return html`<time class="nowrap" datetime="${instant.toISOString()}"
    >${wallClock(timeZone)(instant.toISOString()).slice(0, 'YYYY-MM-DD HH:MM:SS'.length)}</time
  >`
}
