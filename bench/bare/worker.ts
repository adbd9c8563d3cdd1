import { fileURLToPath } from 'node:url'
import { NativeConnection, Worker } from '@temporalio/worker'

/**
 * The program to beat in B1 and B4: a worker with an activity that does nothing, with the slots of
 * ours. Settings: TEMPORAL_ADDRESS, TASK_QUEUE.
 */

const connection = await NativeConnection.connect({
  address: process.env['TEMPORAL_ADDRESS'] ?? '',
})
const worker = await Worker.create({
  connection,
  taskQueue: process.env['TASK_QUEUE'] ?? '',
  workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
  activities: { nothing: () => Promise.resolve() },
  maxConcurrentWorkflowTaskExecutions: 32,
  maxConcurrentActivityTaskExecutions: 12,
  maxConcurrentLocalActivityExecutions: 12,
  maxCachedWorkflows: 600,
})
process.once('disconnect', () => worker.shutdown())
const running = worker.run()
console.log('{"msg":"ready"}')
await running
await connection.close()
