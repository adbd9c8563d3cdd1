import { html } from 'hono/html'
import type { DomainError } from '../../domain/error.ts'
import type { ApiContext } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { printRefusal, toDomainError } from '../errors.ts'
import { renderPage, type Link } from './layout.ts'
import { PAGE_HEADERS } from './style.ts'

/** A refusal as a page; what nobody expected is logged under the request's id, and not shown. */
export function refusePage(
  deps: ApiDeps,
  ctx: ApiContext,
  error: unknown,
  nav: Link[],
): Response | Promise<Response> {
  const refusal = toDomainError(error)
  if (refusal !== error) {
    const level = refusal.reason === 'unexpected' ? 'error' : 'warn'
    deps.log[level]({ request_id: ctx.get('requestId'), error }, refusal.reason)
  }
  const { status, headers } = printRefusal(refusal, ctx.get('requestId'), '')
  for (const [name, value] of Object.entries({ ...PAGE_HEADERS, ...headers })) {
    ctx.header(name, value)
  }
  const [home] = nav
  const title = titleOf(status)
  const body = html`<h1>${title}</h1>
    <p class="lead">${wordsOf(refusal)}</p>
    <p class="small">Request <span class="mono">${ctx.get('requestId')}</span></p>`
  const brand = { href: home?.href ?? '/', label: 'Bark' }
  return ctx.html(renderPage({ title, brand, nav, body }), status)
}

function wordsOf(refusal: DomainError): string {
  if (refusal.reason === 'service_unavailable') {
    return 'The service cannot answer right now. Try again in a moment.'
  }
  return refusal.message
}

function titleOf(status: number): string {
  if (status === 404) return 'Not found'
  return status < 500 ? 'Not possible' : 'Not available'
}
