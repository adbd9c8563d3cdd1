import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { AddressRefused, NameLookupFailed } from './webhook-errors.ts'

/** Looks a name up: every address it has. Throws `NameLookupFailed`. */
export type ResolveName = (name: string) => Promise<string[]>

const NAME_LOOKUP_MS_MAX = 5_000 // two tries; the rest of a call's time is for the other side

/** Gives the connector checked addresses only. It is not called for IP literals: the URL's rules are. */
export function checkedLookup(
  resolve: ResolveName,
  isPublic: (address: string) => boolean,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const allowed = addresses.filter(isPublic).map(describeAddress)
        const [first] = allowed
        if (first === undefined) {
          callback(
            new AddressRefused(`${hostname} has no public address: ${addresses.join(' ')}`),
            [],
          )
        } else if (options.all === true) callback(null, allowed)
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(new NameLookupFailed(hostname, error), []),
    )
  }
}

/**
 * Asks the name servers directly: the system's own look-up holds one of its four threads for as
 * long as a slow name server likes, and a merchant chooses that name server.
 */
export async function resolvePublicName(name: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: NAME_LOOKUP_MS_MAX / 2, tries: 2 })
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  const [first] = answers
  if (addresses.length === 0 && first.status === 'rejected') throw first.reason
  return addresses
}

function describeAddress(address: string): LookupAddress {
  return { address, family: address.includes(':') ? 6 : 4 }
}
