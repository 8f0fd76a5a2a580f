//! Processes that tests start end with the tests, whatever happens.

import type { ChildProcess } from 'node:child_process'

const children = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
// A signal ends the process without `exit`, unless someone listens.
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const)
  process.once(signal, () => process.exit(128 + number))

export function endWithUs(child: ChildProcess): void {
  children.add(child)
  child.once('close', () => children.delete(child))
}
