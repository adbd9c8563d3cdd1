import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FORMS } from '../../scripts/prove-forms.ts'
import { ROOT } from '../../scripts/source-files.ts'

/** What leads to one part of a form, or says where and with which chance: no form of its own. */
const NO_FORM = ['BARK_PROVE_CELL', 'BARK_PROVE_RESULTS', 'BARK_PROVE_SEED']

test('npm run prove runs every long form that a test has', () => {
  const tests = readdirSync(`${ROOT}test`, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  )
  const asked = tests.flatMap(
    (path) => readFileSync(`${ROOT}test/${path}`, 'utf8').match(/BARK_PROVE_[A-Z_]*[A-Z]/g) ?? [],
  )
  const known = [...FORMS.map(({ variable }) => variable), ...NO_FORM]
  expect(asked.filter((name) => !known.includes(name))).toEqual([])
})

test('each form has its tests, and docs/promises.md tells what it asks for', () => {
  const promises = readFileSync(`${ROOT}docs/promises.md`, 'utf8')
  for (const { files, variable, option } of FORMS) {
    const texts = files.map((path) => {
      const of = path.endsWith('.ts')
        ? [path]
        : readdirSync(`${ROOT}${path}`).map((f) => `${path}/${f}`)
      return of.map((each) => readFileSync(`${ROOT}${each}`, 'utf8')).join('')
    })
    expect(texts.join('').length, option).toBeGreaterThan(0)
    expect(promises, option).toContain(`--${option} `)
    expect(promises, option).toContain(variable)
  }
})

test('for each workflow it is decided how it meets another build of the worker, and none says it itself', () => {
  const decided = readFileSync(
    `${ROOT}docs/decisions/0014-what-is-under-way-goes-on-with-the-newest-worker.md`,
    'utf8',
  )
  const exported = readFileSync(`${ROOT}workflows/index.ts`, 'utf8').matchAll(/export \{ (\w+) \}/g)
  const names = [...exported].map(([, name]) => name ?? '')
  expect(names.length).toBeGreaterThan(5)
  for (const name of names) {
    const line = decided
      .split('\n')
      .find((row) => row.startsWith('|') && row.includes(`\`${name}\``))
    const file = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const source = readFileSync(`${ROOT}workflows/${file}.ts`, 'utf8')
    expect(line, name).toContain('auto-upgrade')
    expect(source, name).not.toContain('setWorkflowOptions')
  }
})
