import { sql, type Selectable } from 'kysely'
import type { DisputeState, EvidenceKind, EvidenceTexts } from '../domain/dispute.ts'
import { DomainError } from '../domain/error.ts'
import type { OperationState } from '../domain/payment.ts'
import type { Db, Tx } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import type { PaymentOwner, PaymentProblem, PaymentRow } from './payments.ts'
import type { Disputes } from './tables.ts'

export type DisputeRow = Omit<Selectable<Disputes>, 'evidence'> & { evidence: EvidenceTexts }

export type DisputeKey = { accountId: string; disputeId: string }

/** A paper of the evidence, without its bytes. */
export type EvidencePaper = { kind: EvidenceKind; name: string; media: string; size_bytes: number }

/** A dispute that the provider has confirmed, with its payment, its papers and its last answer. */
export type DisputeView = DisputeRow & {
  opened_at: Date
  amount_minor: bigint
  currency: string
  reason: string
  evidence_due_at: Date
  transaction_id: string | null
  customer_id: string | null
  files: EvidencePaper[]
  /** The last thing that was asked of the provider. */
  answer: {
    kind: 'respond' | 'accept'
    state: OperationState
    error: PaymentProblem | null
    created_at: string
  } | null
}

/** Reads a dispute under its payment's lock, or without one. Throws `not_found`. */
export async function getDisputeRow(db: Db, key: DisputeKey): Promise<DisputeRow> {
  const row = await db
    .selectFrom('disputes')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.disputeId)
    .executeTakeFirst()
  if (row === undefined) throw notFound()
  return readRow(row)
}

/** Throws `not_found`, also for another owner's, and for what the provider has not confirmed. */
export async function getDispute(
  db: Db,
  owner: PaymentOwner,
  disputeId: string,
): Promise<DisputeView> {
  const row = await selectDisputes(db, owner)
    .where('disputes.id', '=', disputeId)
    .executeTakeFirst()
  if (row === undefined) throw notFound()
  return readView(row)
}

export type DisputeFilter = { state?: DisputeState; paymentId?: string }

/** Disputes, the latest first. */
export async function listDisputes(
  db: Db,
  owner: PaymentOwner,
  filter: DisputeFilter,
  page: PageRequest,
): Promise<RowsPage<DisputeView>> {
  let query = selectDisputes(db, owner)
  if (filter.state !== undefined) query = query.where('disputes.state', '=', filter.state)
  if (filter.paymentId !== undefined) {
    query = query.where('disputes.payment_id', '=', filter.paymentId)
  }
  const columns = [
    { value: sql.ref('disputes.opened_at'), type: 'timestamptz' },
    { value: sql.ref('disputes.id'), type: 'text' },
  ] as const
  const found = await listPage(db, query, { columns, descending: true }, page)
  return { ...found, rows: found.rows.map(readView) }
}

/**
 * No refund beside an open dispute: the bank could give the money back twice. The caller holds the
 * payment's lock, which whoever opens a dispute takes too.
 *
 * @throws DomainError `payment_disputed`
 */
export async function requireNoOpenDispute(tx: Tx, payment: PaymentRow): Promise<void> {
  const disputeId = await findOpenDispute(tx, payment)
  if (disputeId === null) return
  throw new DomainError(
    'payment_disputed',
    `The payment is disputed (${disputeId}); it is not refunded meanwhile.`,
  )
}

/** The dispute about a payment that is not decided, or null. */
export async function findOpenDispute(tx: Tx, payment: PaymentRow): Promise<string | null> {
  const open = await tx
    .selectFrom('disputes')
    .select('id')
    .where('account_id', '=', payment.account_id)
    .where('payment_id', '=', payment.id)
    .where('state', 'in', ['needs_response', 'under_review'])
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return open?.id ?? null
}

export type DisputeChange = {
  state?: DisputeState
  reason?: string
  amount_minor?: bigint
  currency?: string
  withdrawn_minor?: bigint
  fee_minor?: bigint
  returned_minor?: bigint
  fee_returned_minor?: bigint
  opened_at?: Date
  evidence_due_at?: Date
  reminders_sent?: number
  evidence?: EvidenceTexts
  ask_at?: Date | null
  ended_at?: Date | null
  event_sequence?: number
}

/** Changes a dispute; the caller holds its payment's lock. States move along `dispute_moves` only. */
export async function updateDispute(
  tx: Tx,
  key: DisputeKey,
  { evidence, ...plain }: DisputeChange,
): Promise<DisputeRow> {
  const row = await tx
    .updateTable('disputes')
    .set({
      ...plain,
      ...(evidence === undefined ? {} : { evidence: JSON.stringify(evidence) }),
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.disputeId)
    .returningAll()
    .executeTakeFirstOrThrow()
  return readRow(row)
}

/** The provider was asked: what it told before that is done with. */
export async function clearDisputeRefresh(tx: Tx, key: DisputeKey, seen: Date): Promise<void> {
  await tx
    .updateTable('disputes')
    .set({ refresh_wanted_at: null })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.disputeId)
    // A Date has milliseconds, PostgreSQL has more.
    .where(sql<Date>`date_trunc('milliseconds', refresh_wanted_at)`, '<=', seen)
    .execute()
}

/** The provider has a dispute of a payment: its story looks, or begins. Safe to repeat. */
export async function tellDispute(
  tx: Tx,
  accountId: string,
  paymentId: string,
  providerId: string,
): Promise<void> {
  await sql`select 1 from payment_intents where account_id = ${accountId} and id = ${paymentId}
    for no key update`.execute(tx)
  await sql`select tell_dispute(${accountId}, ${paymentId}, ${providerId}, 'reconciled')`.execute(
    tx,
  )
}

/** Lets the dispute's workflow look, or starts its next run. Safe to repeat. */
export async function wakeDispute(tx: Tx, key: DisputeKey, reason: string): Promise<void> {
  await sql`select wake_dispute(${key.accountId}, ${key.disputeId}, ${reason})`.execute(tx)
}

/** What disputes have taken of a payment; `by` may be negative. */
export async function moveDisputed(tx: Tx, payment: PaymentRow, by: bigint): Promise<void> {
  await sql`update payment_intents set disputed_minor = disputed_minor + ${by}, version = version + 1,
      updated_at = clock_timestamp()
    where account_id = ${payment.account_id} and id = ${payment.id}`.execute(tx)
}

export type NewEvidenceFile = { id: string; kind: EvidenceKind } & {
  name: string
  media: string
  content: Buffer
}

/** Keeps the papers of an answer instead of those of one that was refused. Of each kind one. */
export async function replaceEvidenceFiles(
  tx: Tx,
  key: DisputeKey,
  files: NewEvidenceFile[],
): Promise<void> {
  await tx
    .deleteFrom('dispute_files')
    .where('account_id', '=', key.accountId)
    .where('dispute_id', '=', key.disputeId)
    .execute()
  if (files.length === 0) return
  await tx
    .insertInto('dispute_files')
    .values(
      files.map((file) => ({ ...file, account_id: key.accountId, dispute_id: key.disputeId })),
    )
    .execute()
}

export type EvidenceFile = NewEvidenceFile & { provider_id: string | null }

/** The papers with their bytes. */
export async function listEvidenceFiles(db: Db, key: DisputeKey): Promise<EvidenceFile[]> {
  return db
    .selectFrom('dispute_files')
    .select(['id', 'kind', 'name', 'media', 'content', 'provider_id'])
    .where('account_id', '=', key.accountId)
    .where('dispute_id', '=', key.disputeId)
    .orderBy('kind')
    .execute()
}

/** The provider has a paper now; its first name of it stays. */
export async function nameEvidenceFile(
  db: Db,
  accountId: string,
  file: { id: string; providerId: string },
): Promise<void> {
  await db
    .updateTable('dispute_files')
    .set({ provider_id: file.providerId })
    .where('account_id', '=', accountId)
    .where('id', '=', file.id)
    .where('provider_id', 'is', null)
    .execute()
}

function selectDisputes(db: Db, { accountId, customerId }: PaymentOwner) {
  const query = db
    .selectFrom('disputes')
    .innerJoin('payment_intents as payment', (join) =>
      join
        .onRef('payment.account_id', '=', 'disputes.account_id')
        .onRef('payment.id', '=', 'disputes.payment_id'),
    )
    .selectAll('disputes')
    .select(['payment.transaction_id', 'payment.customer_id'])
    .select([
      sql<EvidencePaper[]>`(select coalesce(jsonb_agg(jsonb_build_object('kind', f.kind,
          'name', f.name, 'media', f.media, 'size_bytes', octet_length(f.content))
          order by f.kind), '[]')
        from dispute_files f where f.account_id = disputes.account_id
          and f.dispute_id = disputes.id)`.as('files'),
      sql<DisputeView['answer']>`(select jsonb_build_object('kind', o.kind, 'state', o.state,
          'error', o.error, 'created_at', o.created_at)
        from payment_operations o where o.account_id = disputes.account_id
          and o.dispute_id = disputes.id order by o.created_at desc, o.id desc limit 1)`.as(
        'answer',
      ),
    ])
    .where('disputes.account_id', '=', accountId)
    .where('disputes.opened_at', 'is not', null)
  return customerId === null ? query : query.where('payment.customer_id', '=', customerId)
}

/** We write these columns ourselves, from the same types. */
function readRow(row: object): DisputeRow {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return row as DisputeRow
}

/** Holds by the CHECK of the table: what is opened has an amount, a reason and a deadline. */
function readView(row: object): DisputeView {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return row as DisputeView
}

function notFound(): DomainError {
  return new DomainError('not_found', 'No such dispute.')
}
