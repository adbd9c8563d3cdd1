import { healthRoutes } from './health.ts'
import type { Route } from './route.ts'
import { codeRoutes } from './v2/codes.ts'
import { invoiceRoutes } from './v2/invoices.ts'
import { orderRoutes } from './v2/orders.ts'
import { productRoutes } from './v2/products.ts'
import { purchaseOrderRoutes } from './v2/purchase-orders.ts'
import { rootRoutes } from './v2/root.ts'
import { testClockRoutes } from './v2/test-clock.ts'
import { transactionRoutes } from './v2/transactions.ts'

/** Every route of the API: the app mounts them, the OpenAPI document lists them. */
export const ROUTES: readonly Route[] = [
  ...healthRoutes,
  ...rootRoutes,
  ...productRoutes,
  ...orderRoutes,
  ...transactionRoutes,
  ...codeRoutes,
  ...purchaseOrderRoutes,
  ...invoiceRoutes,
  ...testClockRoutes,
]
