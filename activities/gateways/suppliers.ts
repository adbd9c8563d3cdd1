import { lookup as systemLookup } from 'node:dns'
import { Agent, type Dispatcher } from 'undici'
import type { SupplierConnection } from '../../db/suppliers.ts'
import {
  isAllowedPrivateHost,
  isPublicAddress,
  readWebhookUrl,
} from '../../domain/webhook-address.ts'
import type { KeyRing } from '../../secrets/key-ring.ts'
import type { CodeSupplier } from './code-supplier.ts'
import { createHttpSupplier } from './http-supplier.ts'
import { checkedLookup, resolvePublicName } from './public-lookup.ts'
import { createSandboxSupplier } from './sandbox-supplier.ts'
import { SUPPLIER_AGENT_OPTIONS, SUPPLIER_CONNECT_MS_MAX } from './supplier-exchange.ts'

/** The way out to suppliers: one for the process, whatever account asks. */
export type Suppliers = {
  connect(connection: SupplierConnection): Promise<CodeSupplier>
  close(): Promise<void>
}

/**
 * Opens the agents. A merchant names the address of a supplier, so it is checked like a webhook's:
 * public https only, the address that is dialled is one that was checked, and redirects are not
 * followed; `allowedPrivateHosts` names the exceptions.
 */
export function createSuppliers(settings: {
  sandboxUrl: string
  allowedPrivateHosts: readonly string[]
  /** What suppliers' secrets are sealed with. */
  ring: KeyRing
}): Suppliers {
  const sandbox = createSandboxSupplier({ url: settings.sandboxUrl })
  const agentWith = (lookup: ReturnType<typeof checkedLookup>) =>
    new Agent({ ...SUPPLIER_AGENT_OPTIONS, connect: { timeout: SUPPLIER_CONNECT_MS_MAX, lookup } })
  const publicAgent = agentWith(checkedLookup(resolvePublicName, isPublicAddress))
  const privateAgent = agentWith(systemLookup)

  const agentFor = (baseUrl: string): Dispatcher | null => {
    const { url, problem } = readWebhookUrl(baseUrl, settings.allowedPrivateHosts)
    if (problem !== null) return null
    return isAllowedPrivateHost(url, settings.allowedPrivateHosts) ? privateAgent : publicAgent
  }
  return {
    async connect(connection) {
      if (connection.adapter === 'sandbox') return sandbox
      const { accountId, supplierId, baseUrl, keyVersion, callSecondsMax } = connection
      const agent = agentFor(baseUrl)
      if (agent === null) return refusedSupplier
      const keys = await settings.ring.forOpening(accountId, [keyVersion])
      const secret = keys.unseal({ rowId: supplierId, sealed: connection.secret, keyVersion })
      return createHttpSupplier(agent, { baseUrl, secret, callSecondsMax })
    },
    async close() {
      await Promise.all([sandbox.close(), publicAgent.destroy(), privateAgent.destroy()])
    },
  }
}

const REFUSED = { said: 'its address may not be dialled', reached: false } as const

/** An address that the rules refuse, since they changed or the allow-list did: nothing is sent. */
const refusedSupplier: CodeSupplier = {
  quote: () => Promise.resolve({ offers: [], ...REFUSED }),
  order: (items) =>
    Promise.resolve(
      refuseAll(
        items.map(({ reference }) => reference),
        'not_placed',
      ),
    ),
  status: (references) => Promise.resolve(refuseAll(references, 'unknown')),
  cancel: (references) => Promise.resolve(refuseAll(references, 'unknown')),
  claim: () => Promise.resolve({ state: 'unknown', retryAfterSeconds: null, ...REFUSED }),
}

function refuseAll(references: string[], state: 'not_placed' | 'unknown') {
  const results = references.map((reference) => ({ reference, state, retryAfterSeconds: null }))
  return { results, surplus: [], ...REFUSED }
}
