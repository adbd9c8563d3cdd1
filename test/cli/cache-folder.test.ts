import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { cacheFolder } from '../../cli/cache-folder.ts'

const home = mkdtempSync(join(tmpdir(), 'home '))
afterAll(() => rmSync(home, { recursive: true }))

test('is where XDG says, else below the home folder', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: join(home, 'x'), HOME: home })).toBe(join(home, 'x', 'bark'))
  expect(cacheFolder({ HOME: home })).toBe(join(home, '.cache', 'bark'))
})

test('is a closed folder of our own where no home can be written', () => {
  vi.stubEnv('TMPDIR', home)
  const folder = cacheFolder({ HOME: '/etc/passwd', XDG_CACHE_HOME: 'relative' })
  vi.unstubAllEnvs()
  expect(folder.startsWith(home)).toBe(true)
  expect(statSync(folder).mode & 0o077).toBe(0)
})
