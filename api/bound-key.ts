import { DomainError } from '../domain/error.ts'
import type { Caller } from './route.ts'

/**
 * What concerns the whole account is not for a key that is bound to one customer.
 *
 * @throws DomainError `forbidden_scope`
 */
export function refuseBoundKey(caller: Caller): void {
  if (caller.customerId === null) return
  throw new DomainError('forbidden_scope', 'A key that is bound to a customer cannot do this.', {
    hint: 'Use a key of the account that is not bound to a customer.',
  })
}
