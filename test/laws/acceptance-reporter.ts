import type { Reporter, TestModule, TestSpecification, Vitest } from 'vitest/node'
import { isTitled, readAcceptance, type NamedTest } from './acceptance.ts'

/**
 * At the end of a whole run, fails it when a test that docs/acceptance.md names did not run and
 * pass: a skipped proof proves nothing. A run of chosen files says nothing about the others. For
 * vitest: `--reporter=test/laws/acceptance-reporter.ts`.
 */
export default class AcceptanceReporter implements Reporter {
  #vitest: Vitest | undefined
  #fileCount = 0

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#fileCount = specifications.length
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const vitest = this.#vitest
    if (!vitest || (await this.#isPartial(vitest))) return
    const problems = readAcceptance().flatMap((row) =>
      row.tests
        .filter((named) => !hasPassed(modules, named))
        .map(({ path, title }) => `${row.id}: did not run and pass: ${path} › ${title ?? '(all)'}`),
    )
    if (problems.length === 0) return
    vitest.logger.error(`docs/acceptance.md names tests as proof:\n  ${problems.join('\n  ')}`)
    process.exitCode = 1
  }

  async #isPartial(vitest: Vitest): Promise<boolean> {
    if (vitest.config.testNamePattern !== undefined) return true
    return this.#fileCount < (await vitest.globTestSpecifications()).length
  }
}

function hasPassed(modules: readonly TestModule[], { path, title }: NamedTest): boolean {
  const tests = modules
    .filter((module) => module.relativeModuleId === path)
    .flatMap((module) => [...module.children.allTests()])
    .filter((testCase) => title === undefined || isTitled(testCase.name, title))
  return tests.length > 0 && tests.every((testCase) => testCase.result().state === 'passed')
}
