//! Run by `priority.test.ts`, with more or fewer rights: what the kernel says of a thread that has
//! taken its priority, of what it starts, and of the rest of the process. A line each.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Worker, isMainThread, threadId } from 'node:worker_threads'
import { loadNative } from '../../src/native/load.ts'
import { Priority } from '../../src/native/priority.ts'

const RR = '2'
const MUCH_LONGER_THAN_ALLOWED_MS = 3_000

const [addOn = ''] = process.argv.slice(2)

/** Nice value and policy, fields 19 and 41 of proc_pid_stat(5). */
function scheduled(of: string): string {
  const fields = readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return `${fields[38] === RR ? 'real-time' : 'ordinary'}, nice ${fields[16]}`
}

function say(what: string): void {
  process.stdout.write(`${what}\n`)
}

if (isMainThread) {
  const worker = new Worker(import.meta.filename, { argv: [addOn] })
  worker.once('exit', () => say(`the main thread: ${scheduled('self')}`))
} else {
  const native = loadNative(addOn)
  if (!native.ok) throw new Error(native.error)
  const log = (_: string, event: string): void => say(`logged ${event}`)
  const priority = new Priority(native, log)
  say(`thread ${threadId}: ${priority.urgency}; ${scheduled('thread-self')}`)
  const child = spawn('sleep', ['10'])
  say(`what it starts: ${scheduled(String(child.pid))}`)
  child.kill()
  const until = Date.now() + MUCH_LONGER_THAN_ALLOWED_MS
  while (native.value.isThreadRealTime() && Date.now() < until);
  say(`after a long computation: ${scheduled('thread-self')}`)
  priority.keep()
  say(`kept: ${scheduled('thread-self')}`)
}
