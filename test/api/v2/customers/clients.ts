import type { renderCustomer } from '../../../../wire/customer.ts'
import { makeAccount, type TestAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { eventsOf, type WrittenEvent } from '../../events-of.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

export type CustomerBody = ReturnType<typeof renderCustomer>
export type Refused = { error: { reason: string; details: { field: string; message: string }[] } }

/** The API with an account that has no customers yet. */
export type Clients = {
  api: ServedApi
  account: TestAccount
  client: TestClient
  /** A customer as the API makes it. */
  make(over?: object): Promise<CustomerBody>
  /** The events of an object, oldest first. */
  eventsOf(id: string): Promise<WrittenEvent<CustomerBody>[]>
}

/** Give every file a name of its own, and stop `api` in `afterAll`. */
export async function openClients(name: string): Promise<Clients> {
  const api = await serveApi(name)
  const account = await makeAccount(api.database, { timeZone: 'America/New_York' })
  const client = api.client(account.key)
  let made = 0
  return {
    api,
    account,
    client,
    async make(over = {}) {
      made += 1
      const body = { email: `made-${made}@customer.example`, ...over }
      return (await client.post<CustomerBody>('/v2/customers', body)).body
    },
    eventsOf: (id) => eventsOf(api.database, id),
  }
}
