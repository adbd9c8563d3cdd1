export { deliverWebhook } from './deliver-webhook.ts'
export { fulfillTransaction } from './fulfill-transaction.ts'
export { runPurchaseOrderDay } from './run-purchase-order-day.ts'
export { sweep } from './sweep.ts'
