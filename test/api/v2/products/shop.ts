import type { renderProduct } from '../../../../wire/product.ts'
import { makeAccount, type TestAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { eventsOf, type WrittenEvent } from '../../events-of.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

export type ProductBody = ReturnType<typeof renderProduct>
export type Refused = {
  error: { reason: string; message: string; details: { field: string; message: string }[] }
}

/** The API with an account whose catalogue is empty. */
export type Catalogue = {
  api: ServedApi
  account: TestAccount
  client: TestClient
  /** A product as the API makes it. */
  make(over?: object): Promise<ProductBody>
  /** The events of an object, oldest first. */
  eventsOf(id: string): Promise<WrittenEvent<ProductBody>[]>
}

/** Give every file a name of its own, and stop `api` in `afterAll`. */
export async function openCatalogue(name: string): Promise<Catalogue> {
  const api = await serveApi(name)
  const account = await makeAccount(api.database)
  const client = api.client(account.key)
  let made = 0
  return {
    api,
    account,
    client,
    async make(over = {}) {
      made += 1
      const body = { name: 'Gift card', price: 49.99, sku: `MADE-${made}`, ...over }
      return (await client.post<ProductBody>('/v2/products', body)).body
    },
    eventsOf: (id) => eventsOf(api.database, id),
  }
}
