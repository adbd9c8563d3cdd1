import { parseArgs } from 'node:util'
import { Connection, isGrpcServiceError } from '@temporalio/client'
import { UsageError, type CommandContext } from './command.ts'

export const help = `bark workers [use BUILD [--unready]]
  Lists the builds of the worker that Temporal knows (WORKER_BUILD_ID of worker.ts), which of them is
  given work, and which may be stopped.
  use BUILD   gives all new work, and the next step of every story that is under way, to this build:
              a roll forward, and back again where no patch lies between (docs/operations.md)
  use none    gives it to workers without a build
  --unready   also when no worker of this build is there for every task queue`

const NOT_FOUND = 5 // gRPC
const FAILED_PRECONDITION = 9
const NO_BUILD = 'none'

/** `state`: `current` is given work, `draining` finishes what is pinned to it, `idle` may be stopped. */
type Build = { build: string; state: 'current' | 'draining' | 'idle' }

// Temporal's enum VersionDrainageStatus.
const DRAINING = 1

/** Repeatable: the build that is in use stays so. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const wanted = readArguments(args)
  const { address, namespace, deploymentName } = context.config.temporal
  const connection = await Connection.connect({ address })
  try {
    if (wanted !== null) {
      await connection.workflowService
        .setWorkerDeploymentCurrentVersion({
          namespace,
          deploymentName,
          buildId: wanted.build === NO_BUILD ? '' : wanted.build,
          identity: 'bark workers',
          ignoreMissingTaskQueues: wanted.unready,
        })
        .catch((error: unknown) => explain(error, wanted.build))
    }
    print(await listBuilds(connection, namespace, deploymentName), context)
  } finally {
    await connection.close()
  }
  return 0
}

function readArguments(args: string[]): { build: string; unready: boolean } | null {
  const { values, positionals } = parse(args)
  const [verb, build, ...more] = positionals
  if (verb === undefined) return null
  if (verb === 'use' && build !== undefined && more.length === 0) {
    return { build, unready: values.unready === true }
  }
  throw new UsageError('bark workers knows one thing to do: use BUILD')
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { unready: { type: 'boolean' } } })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function listBuilds(
  connection: Connection,
  namespace: string,
  deploymentName: string,
): Promise<Build[]> {
  try {
    const { workerDeploymentInfo } = await connection.workflowService.describeWorkerDeployment({
      namespace,
      deploymentName,
    })
    const current = workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId ?? ''
    const builds = (workerDeploymentInfo?.versionSummaries ?? []).map((summary): Build => {
      const build = summary.deploymentVersion?.buildId ?? ''
      if (build === current) return { build, state: 'current' }
      const drainage: number = summary.drainageStatus ?? 0
      return { build, state: drainage === DRAINING ? 'draining' : 'idle' }
    })
    return current === '' ? [{ build: NO_BUILD, state: 'current' }, ...builds] : builds
  } catch (error) {
    if (codeOf(error) !== NOT_FOUND) throw error
    return [{ build: NO_BUILD, state: 'current' }] // no worker has ever said its build
  }
}

/** Says in words what Temporal's answer means here. */
function explain(error: unknown, build: string): never {
  const code = codeOf(error)
  if (code === NOT_FOUND) {
    throw new UsageError(`No worker has ever run as build ${build}: start it first`)
  }
  if (code === FAILED_PRECONDITION && error instanceof Error) {
    throw new UsageError(`Temporal refuses: ${error.message}`)
  }
  throw error
}

function codeOf(error: unknown): number | null {
  return isGrpcServiceError(error) ? error.code : null
}

function print(builds: Build[], { json, out }: CommandContext): void {
  for (const { build, state } of builds) {
    out(json ? JSON.stringify({ build, state }) : `${build}\t${state}`)
  }
}
