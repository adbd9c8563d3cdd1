import type { Stripe } from 'stripe'
import { EVIDENCE_KINDS, type EvidenceTexts } from '../../domain/dispute.ts'
import type { PaymentProvider, ProviderEvidence } from './payment-provider.ts'
import { readDispute } from './stripe-answers.ts'
import { orNull, type Calls } from './stripe-calls.ts'

export type DisputeCalls = Pick<
  PaymentProvider,
  'findDispute' | 'uploadEvidence' | 'submitEvidence' | 'acceptDispute'
>

/** Disputes at Stripe. Evidence is submitted with the call that brings it: there is one chance. */
export function disputeCalls({ stripe, call, options }: Calls): DisputeCalls {
  return {
    findDispute: async (account, { disputeProviderId }) =>
      orNull(
        await call(async () =>
          readDispute(await stripe.disputes.retrieve(disputeProviderId, {}, options(account))),
        ),
      ),
    uploadEvidence: (account, { name, media, content }) =>
      call(async () => {
        const file = { data: content, name, type: media }
        const { id } = await stripe.files.create(
          { purpose: 'dispute_evidence', file },
          options(account),
        )
        return { providerId: id }
      }),
    submitEvidence: (account, key, { disputeProviderId, evidence }) =>
      call(async () =>
        readDispute(
          await stripe.disputes.update(
            disputeProviderId,
            { evidence: printEvidence(evidence), submit: true },
            options(account, key),
          ),
        ),
      ),
    acceptDispute: (account, key, { disputeProviderId }) =>
      call(async () =>
        readDispute(await stripe.disputes.close(disputeProviderId, {}, options(account, key))),
      ),
  }
}

function printEvidence({ texts, files }: ProviderEvidence): Stripe.DisputeUpdateParams.Evidence {
  return {
    ...(Object.keys(texts).length === 0 ? {} : { uncategorized_text: joinTexts(texts) }),
    ...(files.transaction_details === undefined ? {} : { receipt: files.transaction_details }),
    ...(files.shipping_proof === undefined ? {} : { shipping_documentation: files.shipping_proof }),
    ...(files.communication_logs === undefined
      ? {}
      : { customer_communication: files.communication_logs }),
  }
}

/** Stripe has one field for all that has no field of its own. */
function joinTexts(texts: EvidenceTexts): string {
  return EVIDENCE_KINDS.flatMap((kind) => {
    const text = texts[kind]
    return text === undefined ? [] : [`${kind.replaceAll('_', ' ').toUpperCase()}\n${text}`]
  }).join('\n\n')
}
