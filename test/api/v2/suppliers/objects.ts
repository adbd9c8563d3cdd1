/** What the tests of suppliers read of the answers. */
export type Supplier = {
  id: string
  name: string
  adapter: 'sandbox' | 'http'
  active: boolean
  base_url: string | null
  limits: { per_second: number | null; in_flight: number; call_seconds: number }
  breaker: { state: 'open' | 'closed'; reason: string | null }
  version: number
}

export type SupplierSku = {
  id: string
  supplier_id: string
  product_id: string
  supplier_sku: string
  priority: number
  cost: number
  cost_minor: number
  currency: string
  active: boolean
  version: number
}

export type Listed<Item> = { data: Item[] }

export const NORTHWIND = {
  name: 'Northwind Codes',
  adapter: 'http',
  base_url: 'https://codes.northwind.example/bark/v1',
  secret: 'a secret of northwind codes',
}
