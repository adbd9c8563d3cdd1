import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { deskFor, type Shop } from './psp-accounts.ts'
import { PspFailure } from './psp-failure.ts'
import { printFile, secondsOf, type EvidenceFile } from './psp-objects.ts'

/** As at Stripe. */
export const FILE_BYTES_MAX = 5 * 1024 * 1024
const MEDIA = ['application/pdf', 'image/jpeg', 'image/png']

/** `POST /v1/files`, multipart: keeps what a file is, not its bytes. The same bytes are one file. */
export async function takeFile(shop: Shop, account: string, context: Context): Promise<object> {
  const desk = deskFor(shop, account, context.req.header('x-sandbox-time'))
  const { purpose, file } = await context.req.parseBody()
  if (purpose !== 'dispute_evidence') {
    throw PspFailure.invalid('Only purpose=dispute_evidence is known here', 'purpose')
  }
  if (!(file instanceof File) || file.size === 0 || file.size > FILE_BYTES_MAX) {
    throw PspFailure.invalid(`A file has from 1 to ${FILE_BYTES_MAX} bytes`, 'file')
  }
  if (!MEDIA.includes(file.type)) {
    throw PspFailure.invalid(`A file of evidence is ${MEDIA.join(', ')}`, 'file')
  }
  const digest = createHash('sha256')
    .update(new Uint8Array(await file.arrayBuffer()))
    .digest('hex')
  const known = desk.list('file').find((each) => each.digest === digest)
  if (known !== undefined) return printFile(known)
  const kept: EvidenceFile = {
    id: desk.newId('file'),
    account: desk.account,
    created: secondsOf(desk.nowMs),
    filename: file.name,
    purpose,
    size: file.size,
    type: file.type === 'application/pdf' ? 'pdf' : file.type.slice('image/'.length),
    digest,
  }
  desk.save({ kind: 'file', object: kept })
  shop.store.flush()
  return printFile(kept)
}
