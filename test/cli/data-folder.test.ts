import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  emptyDataFolder,
  holderOf,
  lockDataFolder,
  unlockDataFolder,
} from '../../cli/data-folder.ts'
import { beginningOf } from '../../cli/process-list.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'data folder '))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('one process has the folder; the next one learns which', () => {
  expect(lockDataFolder(folder)).toBeNull()
  expect(lockDataFolder(folder)).toBe(process.pid)
  unlockDataFolder(folder)
  expect(holderOf(folder)).toBeNull()
  expect(lockDataFolder(folder)).toBeNull()
})

test('takes over the lock of a process that is gone', () => {
  writeFileSync(join(folder, 'supervisor.pid'), '999999999\n1\n')
  expect(holderOf(folder)).toBeNull()
  expect(lockDataFolder(folder)).toBeNull()
  expect(holderOf(folder)).toBe(process.pid)
})

test('takes over the lock of a process whose number somebody else has now', () => {
  const earlier = `${process.pid}\n${beginningOf(process.pid)}0\n`
  writeFileSync(join(folder, 'supervisor.pid'), earlier)
  expect(holderOf(folder)).toBeNull()
  expect(lockDataFolder(folder)).toBeNull()
})

test('a reset removes what is ours and leaves what is not', () => {
  for (const name of ['keys.json', 'workflow-bundle-1.js', 'postgres.json', 'my-thesis.txt']) {
    writeFileSync(join(folder, name), '{}')
  }
  emptyDataFolder(folder)
  expect(readdirSync(folder)).toEqual(['my-thesis.txt'])
  expect(existsSync(folder)).toBe(true)
})
