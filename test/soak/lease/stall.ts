//! How long the machine itself stands still, as when its host does not let it run: a program with
//! more real-time priority than the nodes asks to be woken every 5 ms, on each core, and tells how
//! much later it was. Nobody keeps a lease through that.

import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { endWithUs } from '../../harness/children.ts'

const PROGRAM = `
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  for (let last = performance.now(); ; last = performance.now()) {
    Atomics.wait(nothing, 0, 0, 5)
    const late = performance.now() - last - 5
    if (late > 20) require('node:fs').writeSync(1, late.toFixed(0) + '\\n')
  }`

export class StallWatch {
  readonly #children: readonly ChildProcess[]
  readonly #stalls: number[] = []

  constructor() {
    this.#children = Array.from({ length: availableParallelism() }, (_, core) => {
      const on = ['-c', String(core), 'chrt', '-f', '3']
      const child = spawn('taskset', [...on, process.execPath, '-e', PROGRAM], { stdio: 'pipe' })
      child.stdout.on('data', (piece: Buffer) => {
        this.#stalls.push(...piece.toString().trim().split('\n').map(Number))
      })
      endWithUs(child)
      return child
    })
  }

  text(): string {
    const most = this.#stalls.reduce((a, b) => Math.max(a, b), 0)
    return `the machine stood still over 20 ms ${this.#stalls.length} times, at most ${most} ms`
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}
