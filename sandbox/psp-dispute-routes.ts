import { closeDispute, readDispute, updateDispute } from './psp-disputes.ts'
import { textOf } from './psp-form.ts'
import { page, PAGE } from './psp-lists.ts'
import { printFile } from './psp-objects.ts'
import type { PspRoute } from './psp-route.ts'

/** Disputes, and the papers of their evidence; `psp-files.ts` takes those in. */
export const DISPUTE_ROUTES: readonly PspRoute[] = [
  {
    method: 'GET',
    path: '/v1/disputes',
    known: [...PAGE, 'payment_intent', 'charge'],
    run(desk, params) {
      const of = textOf(params, 'payment_intent')
      const rows = desk.list('dispute').filter((row) => of === null || row.payment_intent === of)
      return page('/v1/disputes', rows, params, (row) => readDispute(desk, row))
    },
  },
  {
    method: 'GET',
    path: '/v1/disputes/:id',
    known: ['expand'],
    run: (desk, _params, id) => readDispute(desk, desk.get('dispute', id)),
  },
  {
    method: 'POST',
    path: '/v1/disputes/:id',
    operation: 'respond',
    known: ['evidence', 'submit', 'metadata', 'expand'],
    run: (desk, params, id) =>
      readDispute(desk, updateDispute(desk, desk.get('dispute', id), params)),
  },
  {
    method: 'POST',
    path: '/v1/disputes/:id/close',
    operation: 'accept',
    known: ['expand'],
    run: (desk, _params, id) => readDispute(desk, closeDispute(desk, desk.get('dispute', id))),
  },
  {
    method: 'GET',
    path: '/v1/files/:id',
    known: ['expand'],
    run: (desk, _params, id) => printFile(desk.get('file', id)),
  },
]
