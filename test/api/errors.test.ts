import { expect, test } from 'vitest'
import { isDatabaseAway, printProblem, printRefusal, toDomainError } from '../../api/errors.ts'
import { REFUSALS } from '../../api/refusals.ts'
import { DOMAIN_REASONS, DomainError, type DomainErrorDetail } from '../../domain/error.ts'

test('every reason has one status and one of the sources’ codes', () => {
  expect(Object.keys(REFUSALS).toSorted()).toEqual([...DOMAIN_REASONS].toSorted())
  const statuses: Record<string, number[]> = {
    authentication_error: [401],
    authorization_error: [403],
    not_found: [404],
    rate_limit_exceeded: [429],
    conflict: [409, 412],
    server_error: [500, 503],
    validation_error: [400, 405, 406, 413, 422],
  }
  for (const [reason, { status, code }] of Object.entries(REFUSALS)) {
    expect(statuses[code], reason).toContain(status)
  }
})

test('the list of reasons is sorted and says each word once', () => {
  expect([...DOMAIN_REASONS]).toEqual([...new Set(DOMAIN_REASONS)].toSorted())
})

test('a refusal is printed in the sources’ shape with what was added', () => {
  const error = new DomainError('sku_exists', 'Taken.', {
    fields: [{ field: 'sku', message: 'Is taken' }],
    secret: 'never printed',
  })
  const refusal = printRefusal(error, 'req_1', 'https://api.example/docs/errors')
  expect(refusal).toEqual({
    status: 409,
    headers: {},
    body: {
      error: {
        code: 'conflict',
        message: 'Taken.',
        details: [{ field: 'sku', message: 'Is taken' }],
        request_id: 'req_1',
        reason: 'sku_exists',
        hint: REFUSALS.sku_exists.hint,
        doc_url: 'https://api.example/docs/errors#sku_exists',
      },
    },
  })
  expect(printProblem(refusal)).toMatchObject({
    type: 'https://api.example/docs/errors#sku_exists',
    status: 409,
    detail: 'Taken.',
    instance: 'req_1',
    reason: 'sku_exists',
  })
})

test.each(DOMAIN_REASONS.filter((reason) => REFUSALS[reason].status === 503))(
  '%s says when to come back, in whole seconds',
  (reason) => {
    const retryAfter = (detail: DomainErrorDetail) =>
      printRefusal(new DomainError(reason, '', detail), '', '').headers['Retry-After']
    expect(retryAfter({})).toBe('1')
    expect(retryAfter({ retryAfterSeconds: 3.2 })).toBe('4')
  },
)

const withCode = (code: string) => Object.assign(new Error(code), { code })

test.each(
  [
    withCode('08006'),
    withCode('53300'),
    withCode('57P01'),
    withCode('57014'),
    withCode('55P03'),
    withCode('40P01'),
    withCode('ECONNREFUSED'),
    withCode('ECONNRESET'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Connection terminated unexpectedly'),
    new Error('Query read timeout'),
    new AggregateError([withCode('ECONNREFUSED')], 'all addresses refused'),
  ].map((error) => [error.message, error] as const),
)('%s means that the database is away', (_, error) => {
  expect(isDatabaseAway(error)).toBe(true)
  expect(toDomainError(error).reason).toBe('service_unavailable')
})

test.each([
  ['a constraint', withCode('23505')],
  ['a missing table', withCode('42P01')],
  ['a programmer’s mistake', new TypeError('x is undefined')],
  ['a thrown text', 'text'],
  ['a thrown nothing', null],
])('%s is our own mistake, and its words stay inside', (_, error) => {
  const refusal = toDomainError(error)
  expect(refusal.reason).toBe('unexpected')
  expect(refusal.message).toBe('Something went wrong on our side.')
})
