import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { choosePorts, freePort } from '../../cli/ports.ts'

test('takes the wanted port, or another one where it is taken', async () => {
  const wanted = await freePort()
  expect(await freePort(wanted)).toBe(wanted)

  const server = createServer().listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const other = await freePort(wanted)
  expect(other).not.toBe(wanted)
  await expect(choosePorts(wanted)).rejects.toThrow(`Port ${wanted} is taken`)
  server.close()
})

test('gives no port twice, also before anybody listens on the first', async () => {
  const ports: number[] = []
  for (let count = 0; count < 500; count++) ports.push(await freePort())
  expect(new Set(ports).size).toBe(ports.length)
})

test('chooses ports that fit the 16 bits with a sign in which Temporal keeps them', async () => {
  for (let tries = 0; tries < 20; tries++) expect(await freePort(0)).toBeLessThan(32_768)
})
