//! Loops that want all of a core each.

import { spawn } from 'node:child_process'
import { endWithUs } from '../../harness/children.ts'

export function startBusyLoops(loops: number): { readonly stop: () => void } {
  const children = Array.from({ length: loops }, () => {
    const child = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
    endWithUs(child)
    return child
  })
  return {
    stop() {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}
