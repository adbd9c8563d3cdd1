import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A program of its own, `node cli/bundle-workflows.ts FILE`: see workflow-bundle.ts. */
const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: bundle-workflows.ts FILE')

const { code } = await bundleWorkflowCode({
  workflowsPath: join(import.meta.dirname, '..', 'workflows', 'index.ts'),
  logger: new DefaultLogger('WARN'),
})
writeFileSync(file, code)
