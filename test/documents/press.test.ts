import { performance } from 'node:perf_hooks'
import { afterAll, expect, test } from 'vitest'
import { openPress } from '../../documents/press.ts'
import { renderDocument } from '../../documents/render.ts'
import { sampleInvoice } from './sample-invoice.ts'

const press = openPress()
afterAll(() => press.close())

test('prints the very bytes, of several documents at once', async () => {
  const invoices = [sampleInvoice(1), sampleInvoice(8), sampleInvoice(3, { currency: 'JPY' })]
  for (const format of ['pdf', 'csv', 'cii', 'ubl'] as const) {
    const printed = await Promise.all(invoices.map((invoice) => press.print(invoice, format)))
    for (const [index, invoice] of invoices.entries()) {
      const bytes = Buffer.from(printed[index] ?? [])
      expect(bytes.equals(await renderDocument(invoice, format))).toBe(true)
    }
  }
})

test('leaves the event loop to others while a long document is made', async () => {
  const long = sampleInvoice(150)
  await press.print(sampleInvoice(1), 'pdf')
  const before = performance.eventLoopUtilization()
  await press.print(long, 'pdf')
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5)
})

test('refuses in words what cannot be rendered, and goes on', async () => {
  const dinars = sampleInvoice(1, { currency: 'KWD' })
  await expect(press.print(dinars, 'cii')).rejects.toThrow('EN 16931 cannot express')
  expect((await press.print(dinars, 'csv')).length).toBeGreaterThan(0)
})

test('a thread that ends fails what it was asked, and another one prints the next', async () => {
  const dying = openPress()
  await dying.print(sampleInvoice(1), 'csv')
  const lost = dying.print(sampleInvoice(150), 'pdf')
  await dying.close()
  await expect(lost).rejects.toThrow('has ended')
  expect((await dying.print(sampleInvoice(1), 'csv')).length).toBeGreaterThan(0)
  await dying.close()
})
