import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { startChild, type Child, type ChildSpec } from '../../cli/children.ts'
import { commandOf, isAlive } from '../../cli/process-list.ts'

const READY = `console.log(JSON.stringify({ msg: 'ready' })); setInterval(() => {}, 1000)`
/** For a busy machine; a poll ends as soon as it is true. */
const PATIENT = { timeout: 10_000 }
const started: Child[] = []

function node(script: string, changes: Partial<ChildSpec> = {}): ChildSpec {
  return {
    name: 'program',
    command: process.execPath,
    args: ['-e', script],
    env: process.env,
    cwd: '/',
    parentLink: 'ipc',
    stop: [{ signal: 'SIGTERM', secondsMax: 5 }],
    ready: 'ready-line',
    readySecondsMax: 10,
    ...changes,
  }
}

function recorder() {
  const said: string[] = []
  return {
    said,
    line: (name: string, text: string, phase: string) => void said.push(`${name} ${phase} ${text}`),
    died: (name: string, how: string) => void said.push(`${name} ${how}`),
    revived: (name: string) => void said.push(`${name} again`),
  }
}

async function start(spec: ChildSpec, events = recorder()): Promise<Child> {
  const child = await startChild(spec, events, new AbortController().signal)
  started.push(child)
  return child
}

const pidOf = (child: Child): number => child.pid ?? 0

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.stop()))
})

test('starts a child again when it was killed, and says so', async () => {
  const events = recorder()
  const child = await start(node(READY), events)
  const first = pidOf(child)
  process.kill(first, 'SIGKILL')
  await expect.poll(() => events.said, PATIENT).toContain('program again')
  expect(events.said).toContain('program was ended by SIGKILL')
  expect(pidOf(child)).not.toBe(first)
  expect(isAlive(pidOf(child))).toBe(true)
})

test('does not start a child again that it has stopped', async () => {
  const events = recorder()
  const child = await start(node(READY), events)
  const pid = pidOf(child)
  await child.stop()
  expect(isAlive(pid)).toBe(false)
  expect(child.pid).toBeNull()
  expect(events.said).not.toContain('program was ended by SIGTERM')
})

test('kills a child that does not follow its stop signal', async () => {
  const script = `process.on('SIGTERM', () => {}); ${READY}`
  const child = await start(node(script, { stop: [{ signal: 'SIGTERM', secondsMax: 0.2 }] }))
  const pid = pidOf(child)
  await child.stop()
  expect(isAlive(pid)).toBe(false)
})

test('a child that listens to its parent ends when its work is done', async () => {
  const script = `process.on('disconnect', () => {})
    const work = setInterval(() => {}, 1000)
    process.on('SIGTERM', () => clearInterval(work))
    console.log(JSON.stringify({ msg: 'ready' }))`
  const child = await start(node(script, { stop: [{ signal: 'SIGTERM', secondsMax: 600 }] }))
  const pid = pidOf(child)
  await child.stop()
  expect(isAlive(pid)).toBe(false)
})

test('rejects with the last words of a child that ends before it is ready', async () => {
  const spec = node(`console.error('no disk'); process.exitCode = 3`)
  await expect(start(spec)).rejects.toThrow(/program ended with code 3\n {2}no disk/)
})

test('rejects when a program is not there', async () => {
  await expect(start(node(READY, { command: '/no/such/program' }))).rejects.toThrow(/ENOENT/)
})

test('rejects and leaves nothing behind when a child is not ready in time', async () => {
  const events = recorder()
  const spec = node(`console.log(process.pid); setInterval(() => {}, 1000)`, {
    readySecondsMax: 0.5,
  })
  await expect(start(spec, events)).rejects.toThrow('was not ready after 0.5 s')
  expect(isAlive(Number(events.said[0]?.split(' ').at(-1)))).toBe(false)
})

test('breaks off a start that is no longer wanted', async () => {
  const giveUp = new AbortController()
  const events = recorder()
  const script = `console.log(process.pid); setInterval(() => {}, 1000)`
  const spec = node(script, { readySecondsMax: 120 })
  const starting = startChild(spec, events, giveUp.signal)
  starting.catch(() => undefined) // looked at below
  await expect.poll(() => events.said.length, PATIENT).toBe(1)
  giveUp.abort(new Error('Ctrl-C'))
  await expect(starting).rejects.toThrow('Ctrl-C')
  expect(isAlive(Number(events.said[0]?.split(' ').at(-1)))).toBe(false)
})

test('tells in which phase a line was said', async () => {
  const events = recorder()
  const script = `process.on('SIGTERM', () => { console.log('bye'); process.exit() }); ${READY}`
  const child = await start(node(script), events)
  await child.stop()
  await expect.poll(() => events.said, PATIENT).toContain('program ending bye')
  expect(events.said[0]).toMatch(/^program starting /)
})

test('a guarded program is the child itself: its process id, its end', async () => {
  const said: string[] = []
  const spec = node(READY, { parentLink: 'guard' })
  const child = await start(spec, { ...recorder(), died: (_, how) => void said.push(how) })
  expect(commandOf(pidOf(child)).startsWith(process.execPath)).toBe(true)
  process.kill(pidOf(child), 'SIGKILL')
  await vi.waitFor(() => expect(said).toEqual(['was ended by SIGKILL']), PATIENT)
})

test.each(['guard', 'stdin', 'ipc'] as const)(
  'a child linked by %s ends when its parent is killed',
  async (parentLink) => {
    const end = {
      guard: '',
      stdin: `process.stdin.resume().on('end', () => process.exit());`,
      ipc: `process.on('disconnect', () => process.exit());`,
    }[parentLink]
    const parent = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { startChild } from ${JSON.stringify(import.meta.resolve('../../cli/children.ts'))}
         const spec = ${JSON.stringify(node(`${end} ${READY}`, { parentLink }))}
         const events = { line() {}, died() {}, revived() {} }
         const child = await startChild({ ...spec, env: process.env }, events, new AbortController().signal)
         console.log(child.pid)
         setInterval(() => {}, 1000)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const [printed]: unknown[] = await once(parent.stdout, 'data')
    const pid = Number(String(printed))
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), PATIENT).toBe(false)
  },
)
