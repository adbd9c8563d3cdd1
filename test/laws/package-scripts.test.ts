import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync('package.json', 'utf8')))

/** bin/bark.mjs installs by itself; a program in TypeScript cannot: what it imports may not be there. */
const PROGRAMS = Object.entries(scripts).filter(([, command]) => /^node \S+\.ts/.test(command))

test('there are programs to look at', () => {
  expect(PROGRAMS.map(([name]) => name)).toContain('check')
})

test.each(PROGRAMS)('npm run %s installs the packages first, on a fresh clone too', (name) => {
  expect(scripts[`pre${name}`]).toBe('node bin/install.mjs')
})
