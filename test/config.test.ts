import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readEnv, toConfig } from '../config.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bark-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const key = () => randomBytes(32).toString('base64')
const DEVELOPMENT = toConfig(readEnv({ DATABASE_URL: 'x' })).keys.blindIndex.toString('base64')
const production = (env: Record<string, string> = {}) =>
  toConfig(
    readEnv({
      DATABASE_URL: 'x',
      BARK_MODE: 'production',
      CODE_ENCRYPTION_KEY: key(),
      CODE_BLIND_INDEX_KEY: key(),
      CURSOR_SIGNING_KEY: key(),
      ...env,
    }),
  )

test('production starts on keys of its own', () => {
  expect(production().keys.encryption.former).toEqual([])
})

test.each(['CODE_ENCRYPTION_KEY', 'CODE_BLIND_INDEX_KEY', 'CURSOR_SIGNING_KEY'])(
  'production refuses a missing %s, and the public development key',
  (name) => {
    expect(() => production({ [name]: '' })).toThrow(`${name} must be set in production mode`)
    expect(() => production({ [name]: DEVELOPMENT })).toThrow(`${name} is the development key`)
  },
)

test('production refuses the development key among the former ones, however it is written', () => {
  const sloppy = DEVELOPMENT.replace(/=+$/, '')
  for (const former of [DEVELOPMENT, `${key()},${sloppy}`]) {
    expect(() => production({ CODE_ENCRYPTION_KEYS_FORMER: former })).toThrow(/development key/)
  }
})

test('production refuses one key for two purposes', () => {
  const shared = key()
  expect(() => production({ CODE_ENCRYPTION_KEY: shared, CODE_BLIND_INDEX_KEY: shared })).toThrow(
    /must differ/,
  )
})

test('a file gives the keys, the current one first', async () => {
  const file = join(folder, 'keys')
  const [current, former] = [key(), key()]
  await writeFile(file, `# since March\n${current}\n\n${former}\n`)
  const { encryption } = production({
    CODE_ENCRYPTION_KEY: '',
    CODE_ENCRYPTION_KEY_FILE: file,
  }).keys
  expect(encryption.current.toString('base64')).toBe(current)
  expect(encryption.former.map((each) => each.toString('base64'))).toEqual([former])
  expect(() => production({ CODE_ENCRYPTION_KEY_FILE: file })).toThrow(/cannot both be set/)
})

test.each(['', 'short', 'AAAA'])(
  'a file that holds %j is refused without being quoted',
  async (text) => {
    const file = join(folder, 'bad')
    await writeFile(file, text)
    expect(() => production({ CODE_ENCRYPTION_KEY: '', CODE_ENCRYPTION_KEY_FILE: file })).toThrow(
      'CODE_ENCRYPTION_KEY_FILE must hold keys of 32 bytes in base64, one on each line',
    )
  },
)

test('a key of another length is refused by name', () => {
  for (const name of ['CODE_ENCRYPTION_KEY', 'CODE_ENCRYPTION_KEYS_FORMER']) {
    expect(() => production({ [name]: 'AAAA' })).toThrow(name)
  }
})
