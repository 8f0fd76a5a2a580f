//! Looks into the kernel's gate from outside: for how long it is still open. With real-time
//! priority above the node's where that may be had: it has to look when the machine is busy.

import type { ChildProcess } from 'node:child_process'
import { look, openFor } from '../../../src/cluster/vip/rules.ts'
import type { LanHost } from '../../harness/lan.ts'

/** Of every trio. */
const VIP = '10.9.0.100'

export class GateWatch {
  readonly #child: ChildProcess
  readonly #left: number[] = []
  #heard = ''

  constructor(host: LanHost, everyMs: number) {
    const raise = 'chrt -f -p 2 $$ 2>/dev/null'
    const once = `nft '${look([VIP])}'; echo; sleep ${everyMs / 1_000}`
    const looking = `${raise}; while :; do ${once}; done`
    this.#child = host.spawn('sh', '-c', looking)
    this.#child.stdout?.on('data', (piece: Buffer) => this.#hear(piece.toString()))
  }

  text(lease: number): string {
    const sorted = this.#left.toSorted((a, b) => a - b)
    const [least, percent] = [0, 0.01].map((share) => sorted[Math.floor(sorted.length * share)])
    const shut = sorted.filter((left) => left === 0).length
    const margin = `of ${lease} ms least ${least} left, 1 % under ${percent}`
    return `${margin}; shut ${shut} of ${sorted.length} times`
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  #hear(text: string): void {
    this.#heard += text
    const parts = this.#heard.split('\n\n')
    this.#heard = parts.pop() ?? ''
    for (const part of parts) this.#left.push(openFor(part))
  }
}
