/** What an API key may be allowed to do; each route of the API names the one that it needs. */
export const SCOPES = [
  'products:read',
  'products:write',
  'customers:read',
  'customers:write',
  'orders:read',
  'orders:write',
  'orders:price_override',
  'codes:read',
  'codes:write',
  'purchase_orders:read',
  'purchase_orders:write',
  'invoices:read',
  'invoices:write',
  'suppliers:read',
  'suppliers:write',
  'payments:read',
  'payments:write',
  'webhooks:read',
  'webhooks:write',
  'events:read',
  'finance:read',
  'test_clock:read',
  'test_clock:write',
] as const

export type Scope = (typeof SCOPES)[number]
