import { Connection, isGrpcServiceError } from '@temporalio/client'
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js'
import { msToTs } from '@temporalio/common/lib/time.js'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts'

/** How long Temporal keeps what has ended; PostgreSQL keeps the facts for ever. */
const RETENTION = '30 days'
const CONNECT_MS_MAX = 1_000
const USABLE_SECONDS_MAX = 30
const POLL_MS = 50
const NOT_FOUND = 5 // gRPC status codes
const ALREADY_EXISTS = 6

/** Whether a Temporal server answers at this address. */
export async function temporalAnswers(address: string): Promise<boolean> {
  // gRPC waits a second after a refused connection before it tries again; a bare socket does not.
  if (!(await accepts(address))) return false
  try {
    const connection = await Connection.connect({ address, connectTimeout: CONNECT_MS_MAX })
    await connection.close()
    return true
  } catch {
    return false // the caller asks again and has the time limit
  }
}

/**
 * Registers what Bark needs, the namespace and the search attributes of `contract.ts`, and waits until
 * both can be used. Safe to repeat; what is there stays as it is. Throws where the server does not let
 * us register (a shared or a hosted one): then its operator has to.
 */
export async function registerNames(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address })
  try {
    await registerNamespace(connection, namespace)
    await whenUsable(() => registerSearchAttributes(connection, namespace))
    await whenUsable(() => searchByEveryAttribute(connection, namespace))
  } finally {
    await connection.close()
  }
}

function accepts(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) })
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  const { workflowService } = connection
  try {
    await workflowService.describeNamespace({ namespace })
    return
  } catch (error) {
    if (codeOf(error) !== NOT_FOUND) throw error
  }
  try {
    await workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs(RETENTION),
    })
  } catch (error) {
    if (codeOf(error) !== ALREADY_EXISTS) throw error // two starts at once
  }
}

async function registerSearchAttributes(connection: Connection, namespace: string) {
  const { operatorService } = connection
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace })
  const missing = SEARCH_ATTRIBUTES.filter(({ name }) => customAttributes[name] === undefined)
  if (missing.length === 0) return
  const searchAttributes: Record<string, number> = {}
  for (const { name, type } of missing) {
    searchAttributes[name] = encodeSearchAttributeIndexedValueType(type) ?? 0
  }
  try {
    await operatorService.addSearchAttributes({ namespace, searchAttributes })
  } catch (error) {
    if (codeOf(error) !== ALREADY_EXISTS) throw error
  }
}

/** Refused until the server has seen its own registrations. */
async function searchByEveryAttribute(connection: Connection, namespace: string): Promise<void> {
  const query = SEARCH_ATTRIBUTES.map(({ name }) => `${name} is null`).join(' and ')
  await connection.workflowService.countWorkflowExecutions({ namespace, query })
}

/** A namespace and its attributes take a moment to reach every part of the server. */
async function whenUsable(attempt: () => Promise<void>): Promise<void> {
  const end = performance.now() + USABLE_SECONDS_MAX * 1000
  for (;;) {
    try {
      await attempt()
      return
    } catch (error) {
      if (performance.now() > end) throw error
      await delay(POLL_MS)
    }
  }
}

function codeOf(error: unknown): number | null {
  return isGrpcServiceError(error) ? error.code : null
}
