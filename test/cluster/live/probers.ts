//! Of each node of a cluster a client that hears nobody else: an answer that should not be cannot
//! hide behind the right one.

import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Lan, LanHost } from '../../harness/lan.ts'
import type { Answer } from './owners.ts'

const FIRST = 210

type Probing = {
  readonly node: string
  readonly host: LanHost
  readonly child: ChildProcess
  said: string
}

export class Probers {
  readonly #lan: Lan
  readonly #vip: string
  readonly #all: Probing[] = []

  constructor(lan: Lan, vip: string) {
    this.#lan = lan
    this.#vip = vip
  }

  begin(nodes: readonly LanHost[], everyMs: number): void {
    for (const [place, node] of nodes.entries()) this.#beginOne(node, place, everyMs)
  }

  /** The one that hears this node only. */
  near(node: LanHost): LanHost | undefined {
    return this.#all.find((each) => each.node === node.name)?.host
  }

  /** So far, by the time of the answer. */
  answers(): readonly Answer[] {
    return this.#all
      .flatMap(({ node, said }) =>
        said
          .split('\n')
          .slice(0, -1)
          .map((line) => {
            const [asked = 0, answered = 0] = line.split(' ').map(Number)
            return { node, asked, answered }
          }),
      )
      .toSorted((a, b) => a.answered - b.answered)
  }

  stop(): void {
    for (const { child } of this.#all) child.kill('SIGTERM')
  }

  #beginOne(node: LanHost, place: number, everyMs: number): void {
    const host = this.#lan.host(`c${place + 1}`, FIRST + place)
    const neighbour = ['replace', this.#vip, 'lladdr', node.mac, 'dev', 'eth0', 'nud', 'permanent']
    host.run('ip', 'neigh', ...neighbour)
    // The answer comes back to the prober whatever it does about ARP.
    const program = join(import.meta.dirname, 'prober.ts')
    const child = host.spawn(process.execPath, program, this.#vip, host.address, String(everyMs))
    const probing = { node: node.name, host, child, said: '' }
    child.stdout?.on('data', (piece: Buffer) => (probing.said += piece.toString()))
    this.#all.push(probing)
  }
}
