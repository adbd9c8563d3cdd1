import { makeAccount, makeProduct, makeVariant, type TestAccount } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

/** An account with a product and a variant of it, and the way to send it files of codes. */
export type ImportShop = ServedApi & {
  account: TestAccount
  product: { id: string; sku: string }
  variant: { id: string; sku: string }
  send(body: string | Buffer, options?: { type?: string; key?: string; id?: string }): Promise<Sent>
  /** Codes of the account that are in the database. */
  count(): Promise<number>
}

export type Sent = {
  status: number
  headers: Headers
  body: {
    imported?: number
    woken_orders?: number
    error?: { reason: string; message: string; details: { field: string; message: string }[] }
  }
}

/** Give every file a name of its own; `stop()` in `afterAll`. */
export async function openImportShop(name: string): Promise<ImportShop> {
  const api = await serveApi(name)
  const account = await makeAccount(api.database)
  const product = await makeProduct(api.database, account.accountId)
  const variant = await makeVariant(api.database, account.accountId, product.id)
  return {
    ...api,
    account,
    product,
    variant,
    async send(body, { type = 'text/csv', key = account.key, id = product.id } = {}) {
      const answer = await fetch(`${api.url}/v2/products/${id}/codes/import`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': type },
        body: typeof body === 'string' ? body : new Uint8Array(body),
      })
      return {
        status: answer.status,
        headers: answer.headers,
        body: (await answer.json()) as Sent['body'],
      }
    },
    async count() {
      const { rows } = await api.database.pool.query<{ n: number }>(
        'select count(*)::int as n from codes where account_id = $1',
        [account.accountId],
      )
      return rows[0]?.n ?? -1
    },
  }
}
