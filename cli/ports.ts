import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the range from which the system takes the ports of outgoing connections, so that a port stays
 * free while its server restarts; and Temporal stores ports as 16 bits with a sign.
 */
const LOWEST = 20_000
const HIGHEST = 32_767
const TRIES_MAX = 200

/** Given away by this process, and perhaps not listened on yet: given to nobody else. */
const given = new Set<number>()

/**
 * The first of these ports that is free on loopback, else any free one that was not given before; 0
 * means "any". Another process may take it before it is used: then that start fails and says so.
 */
export async function freePort(...wanted: number[]): Promise<number> {
  for (const port of wanted) {
    if (port !== 0 && (await isFree(port))) return port
  }
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(LOWEST, HIGHEST + 1)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`No port from ${LOWEST} to ${HIGHEST} is free on 127.0.0.1`)
}

/** Whether nobody listens on this port of 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}

export type Ports = {
  api: number
  temporal: number
  temporalUi: number
  supplier: number
  psp: number
}

const USUAL: Ports = { api: 8080, temporal: 7233, temporalUi: 8233, supplier: 8090, psp: 8091 }

/** The usual ports, or free ones where those are taken. Throws if a port that was asked for is. */
export async function choosePorts(wantedApi: number | undefined): Promise<Ports> {
  if (wantedApi !== undefined && wantedApi !== 0 && !(await isFree(wantedApi))) {
    throw new Error(`Port ${wantedApi} is taken on 127.0.0.1. --port 0 takes any that is free.`)
  }
  return {
    api: await freePort(wantedApi ?? USUAL.api),
    temporal: await freePort(USUAL.temporal),
    temporalUi: await freePort(USUAL.temporalUi),
    supplier: await freePort(USUAL.supplier),
    psp: await freePort(USUAL.psp),
  }
}
