import { createServer } from 'node:http'
import {
  createCustomersWorkflow,
  createOrderWorkflow,
  createProductsWorkflow,
  createRegionsWorkflow,
  createSalesChannelsWorkflow,
} from '@medusajs/medusa/core-flows'
import { defineConfig } from '@medusajs/framework/utils'

/**
 * The program to beat in A4: Medusa 2 and its own `createOrderWorkflow`, called in the process, so
 * without HTTP, a key or a limit. `medusa exec` runs it in the folder that bench/medusa.ts made. Its
 * variants keep no inventory and have a price in the order, which is the least that the workflow can
 * do; its modules are the ones that keep everything in memory. Settings: DATABASE_URL, PORT,
 * POOL_SIZE.
 *
 *   POST /run?seconds=N&lanes=L  creates orders of three lines and five pieces; answers how many
 */

/** What `medusa-config.js` in that folder exports. */
export const settings = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env['DATABASE_URL'],
    databaseDriverOptions: { ssl: false, pool: { min: 2, max: Number(process.env['POOL_SIZE']) } },
    http: { jwtSecret: 'bench', cookieSecret: 'bench' },
  },
})

const CUSTOMERS = 64
const QUANTITIES = [2, 2, 1]

/** Runs until the one who started it is gone. */
export default async function serve({ container }) {
  const run = async (workflow, input) => (await workflow(container).run({ input })).result
  const [region] = await run(createRegionsWorkflow, {
    regions: [{ name: 'Bench', currency_code: 'usd', countries: ['us'] }],
  })
  const [channel] = await run(createSalesChannelsWorkflow, {
    salesChannelsData: [{ name: 'Bench' }],
  })
  const customers = await run(createCustomersWorkflow, {
    customersData: Array.from({ length: CUSTOMERS }, (_, n) => ({
      email: `${n}@customer.example`,
    })),
  })
  const products = await run(createProductsWorkflow, {
    products: QUANTITIES.map((_, n) => ({
      title: `Gift card ${n}`,
      status: 'published',
      options: [{ title: 'Value', values: ['25'] }],
      variants: [
        {
          title: '25',
          options: { Value: '25' },
          manage_inventory: false,
          prices: [{ currency_code: 'usd', amount: 25 }],
        },
      ],
      sales_channels: [{ id: channel.id }],
    })),
  })
  const items = products.map(({ variants: [variant] }, n) => ({
    variant_id: variant.id,
    title: `Gift card ${n}`,
    quantity: QUANTITIES[n],
    unit_price: 25,
    is_tax_inclusive: false,
  }))

  let ordered = 0
  const order = async () => {
    const customer = customers[ordered++ % CUSTOMERS]
    const created = await run(createOrderWorkflow, {
      region_id: region.id,
      sales_channel_id: channel.id,
      currency_code: 'usd',
      customer_id: customer.id,
      email: customer.email,
      items,
    })
    if (created.items?.length !== QUANTITIES.length) throw new Error('an order without its lines')
  }
  const orderFor = async (seconds, lanes) => {
    const startedAt = performance.now()
    const endAt = startedAt + seconds * 1_000
    let count = 0
    const lane = async () => {
      while (performance.now() < endAt) {
        await order()
        count += 1
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    return { count, seconds: (performance.now() - startedAt) / 1_000 }
  }

  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://bare')
    orderFor(Number(searchParams.get('seconds')), Number(searchParams.get('lanes'))).then(
      (result) => response.end(JSON.stringify(result)),
      (error) => response.writeHead(500).end(String(error)),
    )
  })
  server.listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('{"msg":"ready"}'))
  await new Promise((resolve) => process.once('disconnect', resolve))
}
