//! /etc/hosts, which comes before the DNS for addresses.

import { readFileSync, statSync } from 'node:fs'
import type { Host } from '../../base/host.ts'
import { after, seconds, millis, type Millis } from '../../base/time.ts'
import { addressBytes, familyOf } from '../../base/address.ts'

/** How often a change is looked for. */
const LOOK_AGAIN = seconds(5)

type Hosts = ReadonlyMap<string, readonly string[]>

export class HostsFile {
  readonly #path: string
  readonly #now: Host['now']
  #hosts: Hosts = new Map()
  #changed = -1
  #lookAt: Millis = millis(0)

  constructor(now: Host['now'], path = '/etc/hosts') {
    this.#now = now
    this.#path = path
  }

  /** Undefined when the file does not know the name in that family. */
  addresses(name: string, family: 4 | 6): readonly string[] | undefined {
    this.#refresh()
    const found = this.#hosts.get(name.toLowerCase())?.filter((each) => familyOf(each) === family)
    return found === undefined || found.length === 0 ? undefined : found
  }

  #refresh(): void {
    const now = this.#now()
    if (now < this.#lookAt) return
    this.#lookAt = after(now, LOOK_AGAIN)
    try {
      const { mtimeMs } = statSync(this.#path)
      if (mtimeMs === this.#changed) return
      this.#hosts = parseHosts(readFileSync(this.#path, 'utf8'))
      this.#changed = mtimeMs
    } catch {
      // No such file, or not for us to read: the DNS alone then, as everywhere else.
      this.#hosts = new Map()
      this.#changed = -1
    }
  }
}

function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (addressBytes(address) === undefined) continue
    for (const name of names) {
      const known = hosts.get(name.toLowerCase()) ?? []
      hosts.set(name.toLowerCase(), [...known, address])
    }
  }
  return hosts
}
