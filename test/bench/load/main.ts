//! The load generator's process: started with a job as JSON, tells its parent what came of it.

import { runCalls, type CallsOptions } from './calls.ts'
import { runRegister, type RegisterOptions } from './register.ts'

export type Job =
  | ({ readonly kind: 'register' } & RegisterOptions)
  | ({ readonly kind: 'calls' } & Omit<CallsOptions, 'onUp'>)

const job = JSON.parse(process.argv[2] ?? '') as Job

/** The parent measures while all calls are up, and says when to go on. */
async function onUp(): Promise<void> {
  process.send?.({ kind: 'up' })
  await new Promise((resolve) => void process.once('message', resolve))
}

const outcome = await (job.kind === 'register' ? runRegister(job) : runCalls({ ...job, onUp }))
process.send?.({ kind: 'done', outcome })
process.disconnect?.()
