import { expect, test } from 'vitest'
import { findLockProblems, readLock, type Lock } from '../../scripts/lock-check.ts'

const SOUND: Lock = {
  packages: {
    '': { optionalDependencies: { 'not-looked-at': '1.0.0' } },
    'node_modules/tool': {
      integrity: 'sha512-a',
      optionalDependencies: { '@tool/linux': '1.0.0' },
    },
    'node_modules/@tool/linux': { integrity: 'sha512-b' },
  },
}

test('the lock installs on every platform, has integrity and names no host', () => {
  const lock = readLock()
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
  expect(findLockProblems(lock)).toEqual([])
})

test('a sound lock has no problems', () => {
  expect(findLockProblems(SOUND)).toEqual([])
})

test.each([
  ['an optional package without an entry', { optionalDependencies: { '@tool/windows': '1.0.0' } }],
  ['a package without integrity', { integrity: undefined }],
  ['a package that names a host', { resolved: 'https://registry.example/tool.tgz' }],
])('finds %s', (_what, flaw) => {
  const tool = { ...SOUND.packages['node_modules/tool'], ...flaw }
  const flawed = { packages: { ...SOUND.packages, 'node_modules/tool': tool } }
  expect(findLockProblems(flawed)).toHaveLength(1)
})
