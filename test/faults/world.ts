import { startReceiver } from '../../sandbox/receiver.ts'
import { startStack, type Stack } from '../harness.ts'
import { testTemporal } from '../stack.ts'
import type { Place } from './checker.ts'
import type { Stage } from './merchant.ts'
import { openLink, type Link } from './proxy.ts'

/**
 * The product within one process, with its way to Temporal through a proxy: for scenarios that need
 * no kill. Planted bugs are tried here, in a process of their own from a tree of their own.
 */
export type World = Place &
  Stage & {
    stack: Stack
    temporalLink: Link
    stop(): Promise<void>
  }

/** Give every file a name of its own; `stop()` in `afterAll`. */
export async function openWorld(name: string): Promise<World> {
  const log: string[] = []
  const receiver = await startReceiver()
  const { address } = testTemporal()
  const temporalLink = await openLink('worker-temporal', Number(address.split(':')[1]))
  const stack = await startStack(name, {
    supplier: true,
    psp: true,
    env: { TEMPORAL_ADDRESS: `127.0.0.1:${temporalLink.port}` },
    logTo: { write: (line) => log.push(line) },
  })
  return {
    stack,
    temporalLink,
    database: stack.database,
    keys: stack.config.keys,
    apiUrl: stack.apiUrl,
    receiverUrl: receiver.url,
    receiverControlUrl: receiver.url,
    supplierControlUrl: stack.config.supplier.sandboxUrl,
    pspControlUrl: stack.psp().url,
    temporalAddress: address,
    log: () => [...log],
    async stop() {
      await stack.stop()
      await temporalLink.close()
      await receiver.close()
    },
  }
}
