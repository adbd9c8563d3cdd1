import { z } from '@hono/zod-openapi'
import { instantField } from '../../fields.ts'

/**
 * The objects of events that nothing emits yet, as they are designed: so that a client can be written
 * against the whole list of events. Each goes away when its noun is built and has a schema of its own.
 */

const text = z.string()

export const shipmentPlan = z
  .object({
    object: z.literal('shipment'),
    id: text.openapi({ example: 'shp_0199c0de5a000123456789abcd' }),
    order_id: text,
    status: z.enum(['created', 'in_transit', 'delivered']),
    carrier: text.openapi({ example: 'fedex' }),
    service: text.openapi({ example: 'ground' }),
    tracking_number: text,
    label_url: text,
    created_at: instantField,
  })
  .openapi('PlannedShipment')
