import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../api/client.ts'
import { createBilled, type Billed, type CreditNote } from '../api/v2/credit-notes/billed.ts'
import { makeKey } from '../factories.ts'
import { checkDrained } from '../faults/check-drained.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { startSmtpServer, type SmtpServer } from './smtp-server.ts'

/** Documents by real SMTP: who gets them, what is refused, what is sent again. */

let smtp: SmtpServer
let stack: Stack
let billed: Billed

beforeAll(async () => {
  smtp = await startSmtpServer()
  stack = await startStack('mail_delivery', { env: { MAIL_SMTP_URL: smtp.url } })
  billed = await newInvoice()
})
afterAll(async () => {
  await stack.stop()
  await smtp.close()
})

type Mail = {
  message_id: string
  status: string
  recipients: string[]
  refused_recipients: string[]
  attachments: string[]
  last_error: string | null
}

async function newInvoice(): Promise<Billed> {
  const { database, config } = stack
  return createBilled({ database, config, client: (key) => createClient(stack.apiUrl, key) })
}

async function mailsOf({ client, invoiceId }: Billed, count: number): Promise<Mail[]> {
  const { body } = await eventually(
    () => client.get<{ data: Mail[] }>(`/v2/invoices/${invoiceId}/mails`),
    ({ body: { data } }) => data.length >= count && data.every(({ status }) => status !== 'queued'),
  )
  return body.data
}

const invoiceOf = async ({ client, invoiceId }: Billed) =>
  (await client.get<{ sent_at: string | null }>(`/v2/invoices/${invoiceId}`)).body

test('an invoice goes to the customer, and again to whom and as what is wished', async () => {
  const { client, invoiceId, number } = billed
  const [first] = await mailsOf(billed, 1)
  expect(first).toMatchObject({ status: 'sent', attachments: [`${number}.pdf`, `${number}.csv`] })
  const again = await client.post<{ number: number }>(`/v2/invoices/${invoiceId}/send`, {
    recipients: ['audit@reseller.example'],
    formats: ['csv'],
  })
  expect(again).toMatchObject({ status: 202, body: { number: 2 } })
  const [, second] = await mailsOf(billed, 2)
  expect(second).toMatchObject({
    recipients: ['audit@reseller.example'],
    attachments: [`${number}.csv`],
  })
  const received = smtp.taken.filter(({ text }) =>
    text.includes(`Message-ID: <${second?.message_id}>`),
  )
  expect(received).toHaveLength(1)
})

test('the customer’s settings say who gets documents, and as what', async () => {
  const own = await newInvoice()
  await mailsOf(own, 1)
  const path = `/v2/customers/${own.customerId}/billing-settings`
  const settings = {
    invoice_recipients: ['ap@reseller.example', 'cfo@reseller.example'],
    invoice_formats: ['pdf'],
  }
  expect((await own.client.put(path, settings)).body).toMatchObject(settings)
  expect((await own.client.get(path)).body).toMatchObject(settings)
  await own.client.post(`/v2/invoices/${own.invoiceId}/send`, {})
  const [, second] = await mailsOf(own, 2)
  expect(second).toMatchObject({
    recipients: settings.invoice_recipients,
    attachments: [`${own.number}.pdf`],
  })
  const bad = { ...settings, invoice_recipients: [] }
  expect((await own.client.put(path, bad)).status).toBe(422)
})

test('what is refused for good is a bounce: not sent, not tried again, mended by another sending', async () => {
  smtp.refuse.forGood.add('gone@reseller.example')
  const { client, invoiceId } = billed
  await client.post(`/v2/invoices/${invoiceId}/send`, { recipients: ['gone@reseller.example'] })
  const bounced = (await mailsOf(billed, 3)).at(-1)
  expect(bounced).toMatchObject({
    status: 'bounced',
    refused_recipients: ['gone@reseller.example'],
    last_error: expect.stringContaining('550'),
  })
  // One of two is refused: the other one has it.
  const both = { recipients: ['gone@reseller.example', 'here@reseller.example'] }
  await client.post(`/v2/invoices/${invoiceId}/send`, both)
  expect((await mailsOf(billed, 4)).at(-1)).toMatchObject({
    status: 'sent',
    refused_recipients: ['gone@reseller.example'],
  })
  await eventually(
    () => checkDrained(stack.database.db),
    (left) => left.length === 0,
  )
})

test('an invoice that bounced is not called sent', async () => {
  const customer = await newInvoice()
  smtp.refuse.forGood.add('nobody@reseller.example')
  await customer.client.put(`/v2/customers/${customer.customerId}/billing-settings`, {
    invoice_recipients: ['nobody@reseller.example'],
    invoice_formats: null,
  })
  const asked = await customer.client.post<CreditNote>(
    `/v2/invoices/${customer.invoiceId}/credit-notes`,
    { reason: 'Refused' },
  )
  await eventually(
    () => checkDrained(stack.database.db),
    (left) => left.length === 0,
  )
  const path = `/v2/credit-notes/${asked.body.id}`
  const note = await customer.client.get<CreditNote>(path)
  expect(note.body).toMatchObject({ status: 'issued', sent_at: null })
  // Sent again, to somebody who is there and as what is wished: now it is sent.
  const wish = { recipients: ['somebody@reseller.example'], formats: ['pdf'] }
  expect(await customer.client.post(`${path}/send`, wish)).toMatchObject({
    status: 202,
    body: { invoice_id: customer.invoiceId, credit_note_id: asked.body.id, number: 2 },
  })
  const { body } = await eventually(
    () => customer.client.get<{ data: Mail[] }>(`${path}/mails`),
    ({ body: { data } }) => data.at(1)?.status === 'sent',
  )
  expect(body.data).toMatchObject([
    { status: 'bounced', recipients: ['nobody@reseller.example'] },
    { recipients: wish.recipients, attachments: [`${note.body.number}.pdf`] },
  ])
  await eventually(
    () => customer.client.get<CreditNote>(path),
    (answer) => answer.body.sent_at !== null,
  )
})

test('a bounce that comes back later is kept by its Message-ID', async () => {
  const late = await newInvoice()
  const [mail] = await mailsOf(late, 1)
  expect((await invoiceOf(late)).sent_at).not.toBeNull()
  const report = { message_id: `<${mail?.message_id}>`, reason: '5.1.1 mailbox is gone' }
  for (const reason of [report.reason, 'another']) {
    expect((await late.client.post('/v2/mail_bounces', { ...report, reason })).status).toBe(204)
  }
  expect((await mailsOf(late, 1))[0]).toMatchObject({
    status: 'bounced',
    last_error: report.reason,
  })
  const strange = { message_id: 'x@bark.invalid', reason: 'gone' }
  expect((await late.client.post('/v2/mail_bounces', strange)).status).toBe(404)
  const other = await billed.client.post('/v2/mail_bounces', report)
  expect(other.status).toBe(404)
  const reader = await makeKey(stack.database, late.account, { scopes: ['invoices:read'] })
  const refused = { key: reader }
  expect((await late.client.post('/v2/mail_bounces', report, refused)).status).toBe(403)
  expect((await late.client.post(`/v2/invoices/${late.invoiceId}/send`, {}, refused)).status).toBe(
    403,
  )
  const ubl = await late.client.post(`/v2/invoices/${late.invoiceId}/send`, { formats: ['ubl'] })
  expect(ubl.status).toBe(406)
})

test('a server that cannot take it now is tried again', async () => {
  const busy = await newInvoice()
  await mailsOf(busy, 1)
  smtp.refuse.forNow.add('busy@reseller.example')
  const before = smtp.taken.length
  await busy.client.post(`/v2/invoices/${busy.invoiceId}/send`, {
    recipients: ['busy@reseller.example'],
  })
  await eventually(
    () => busy.client.get<{ data: Mail[] }>(`/v2/invoices/${busy.invoiceId}/mails`),
    ({ body }) => body.data.length === 2,
  )
  expect(smtp.taken).toHaveLength(before)
  smtp.refuse.forNow.clear()
  expect((await mailsOf(busy, 2)).at(-1)).toMatchObject({ status: 'sent' })
}, 30_000)
