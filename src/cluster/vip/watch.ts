//! What the kernel tells of addresses and links, as it happens: an `ip monitor` that stays, started
//! again when it ends. Whoever relies on it looks now and then as well.

import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Log } from '../../base/host.ts'
import type { VipSettings } from '../settings.ts'
import { linkIn } from './interfaces.ts'

const AGAIN_MS = 1_000
/** It ends with its standard input, that is with this process, however that ends. */
const MONITOR = 'ip -o monitor address link & exec >&-; read _; kill $!; wait'

export type Seen =
  /** An address was taken from the interface, by whomever. */
  | { readonly kind: 'removed'; readonly address: string }
  /** Whether something is at the other end of the cable. */
  | { readonly kind: 'link'; readonly isUp: boolean }

const ADDRESS = /^Deleted \d+: (\S+)\s+inet6? ([^\s/]+)/

/** Of one line of `ip -o monitor address link`. Pure. */
export function seenIn(line: string, interfaceName: string): Seen | undefined {
  const [, at, address] = ADDRESS.exec(line) ?? []
  if (address !== undefined) return at === interfaceName ? { kind: 'removed', address } : undefined
  const link = linkIn(line)
  return link?.name === interfaceName ? { kind: 'link', isUp: link.isUp } : undefined
}

/** RFC 2863; `unknown`: it has a carrier, and no driver that tells more. */
const UP = new Set(['up', 'unknown', 'dormant'])

/**
 * As the kernel has it now; undefined where it does not tell. To read `carrier` instead would wait
 * for whoever changes interfaces.
 */
export function isLinkUp(interfaceName: string): boolean | undefined {
  try {
    return UP.has(readFileSync(`/sys/class/net/${interfaceName}/operstate`, 'utf8').trim())
  } catch {
    return undefined // no such file here, and `ip` tells
  }
}

export class Watch {
  readonly #vip: Pick<VipSettings, 'interface'>
  readonly #onSeen: (seen: Seen) => void
  readonly #log: Log
  #child: ChildProcess | undefined
  #again: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(vip: Pick<VipSettings, 'interface'>, log: Log, onSeen: (seen: Seen) => void) {
    this.#vip = vip
    this.#onSeen = onSeen
    this.#log = log
    this.#start()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#again)
    this.#child?.stdin?.end()
  }

  #start(): void {
    const child = spawn('sh', ['-c', MONITOR], { stdio: ['pipe', 'pipe', 'ignore'] })
    this.#child = child
    child.on('error', ({ message }) => this.#ended(child, message))
    child.on('close', (code) => this.#ended(child, `ip monitor ended with ${code}`))
    // With too many open files there are no streams, and the error says so.
    if (child.pid === undefined) return
    child.stdout.on('end', () => child.stdin.end())
    // A write after its end: the exit says the rest.
    child.stdin.on('error', () => {})
    createInterface({ input: child.stdout }).on('line', (line) => {
      const seen = seenIn(line, this.#vip.interface)
      if (seen !== undefined) this.#onSeen(seen)
    })
  }

  #ended(child: ChildProcess, why: string): void {
    if (this.#isStopped || this.#child !== child) return
    this.#child = undefined
    this.#log('warn', 'vip.watch-ended', { why })
    this.#again = setTimeout(() => this.#start(), AGAIN_MS)
  }
}
