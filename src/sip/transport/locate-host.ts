//! Runs `Location` in real time: asks /etc/hosts and the DNS, each question with a deadline.

import { Resolver } from 'node:dns/promises'
import type { Cancel, Host } from '../../base/host.ts'
import { after, millis, seconds, type Millis } from '../../base/time.ts'
import type { Resolve } from '../stack/sip-transport.ts'
import type { Target } from '../transaction/flow.ts'
import type { Answer, DnsRecord, Question } from './dns.ts'
import { HostsFile } from './hosts-file.ts'
import { Location, type LocationInput } from './location.ts'

export type LocatorOptions = {
  readonly host: Host
  /** Address families there is a socket for, the preferred one first. */
  readonly families: readonly (4 | 6)[]
  /** Name servers as `address` or `address:port`, instead of the system's. */
  readonly servers?: readonly string[]
  readonly hostsPath?: string
  /** How long one question may go unanswered. */
  readonly deadline?: Millis
}

export type Locator = { readonly resolve: Resolve; readonly close: () => void }

/** The name has nothing of that type: an answer, not a failure. */
const NONE_THERE = new Set(['ENOTFOUND', 'ENODATA', 'NOTFOUND', 'NODATA'])
const TRY: Millis = millis(1_000)
const TRIES = 3
const DEADLINE = seconds(4)

export function openLocator(options: LocatorOptions): Locator {
  return new LocatorHost(options)
}

class LocatorHost implements Locator {
  readonly #host: Host
  readonly #deadline: Millis
  readonly #location: Location
  readonly #resolver: Resolver
  readonly #hostsFile: HostsFile
  readonly #waiting = new Map<number, (targets: readonly Target[]) => void>()
  #serial = 0
  #alarm: { readonly at: Millis; readonly cancel: Cancel } | undefined
  #open = true

  constructor({ host, families, servers, hostsPath, deadline = DEADLINE }: LocatorOptions) {
    this.#host = host
    this.#deadline = deadline
    this.#location = new Location({ random: host.random, families })
    this.#resolver = new Resolver({ timeout: TRY, tries: TRIES })
    if (servers !== undefined) this.#resolver.setServers(servers)
    this.#hostsFile = new HostsFile(host.now, hostsPath)
  }

  readonly resolve: Resolve = (uri, found) => {
    const id = ++this.#serial
    this.#waiting.set(id, found)
    this.#feed({ kind: 'locate', id, uri })
  }

  close(): void {
    this.#open = false
    this.#alarm?.cancel()
    this.#resolver.cancel()
    this.#waiting.clear()
  }

  #feed(input: LocationInput): void {
    if (!this.#open) return
    for (const output of this.#location.step(input, this.#host.now())) {
      if (output.kind === 'ask') void this.#ask(output.question)
      else this.#found(output.id, output.targets)
    }
    this.#arm()
  }

  #found(id: number, targets: readonly Target[]): void {
    const found = this.#waiting.get(id)
    this.#waiting.delete(id)
    found?.(targets)
  }

  /** Always answers, and never before the step that asked is carried out. */
  async #ask(question: Question): Promise<void> {
    let cancel: Cancel = () => undefined
    const late = new Promise<Answer>((resolve) => {
      const at = after(this.#host.now(), this.#deadline)
      cancel = this.#host.wake(at, () => resolve({ records: [], failed: true }))
    })
    const answer = await Promise.race([this.#answer(question), late])
    cancel()
    this.#feed({ kind: 'answered', question, answer })
  }

  async #answer(question: Question): Promise<Answer> {
    const { type, name } = question
    if (type === 'A' || type === 'AAAA') {
      const known = this.#hostsFile.addresses(name, type === 'A' ? 4 : 6)
      if (known !== undefined) return { records: known.map((address) => ({ type, address })) }
    }
    try {
      return await lookUp(this.#resolver, question)
    } catch (failure) {
      // The DNS's own way to say that there is nothing, or that nobody is there to ask.
      const { code } = failure instanceof Error && 'code' in failure ? failure : { code: '' }
      if (NONE_THERE.has(String(code))) return { records: [] }
      this.#host.log('debug', 'dns.failed', { type, name, code: String(code) })
      return { records: [], failed: true }
    }
  }

  #arm(): void {
    const at = this.#location.deadline()
    if (at === this.#alarm?.at) return
    this.#alarm?.cancel()
    this.#alarm = undefined
    if (at === undefined) return
    const cancel = this.#host.wake(at, () => {
      this.#alarm = undefined
      this.#feed({ kind: 'wake' })
    })
    this.#alarm = { at, cancel }
  }
}

async function lookUp(resolver: Resolver, { type, name }: Question): Promise<Answer> {
  switch (type) {
    case 'NAPTR': {
      const records = await resolver.resolveNaptr(name)
      return { records: records.map((record): DnsRecord => ({ ...record, type })) }
    }
    case 'SRV': {
      const records = await resolver.resolveSrv(name)
      return { records: records.map((record): DnsRecord => ({ ...record, type })) }
    }
    case 'A':
    case 'AAAA': {
      const records =
        type === 'A'
          ? await resolver.resolve4(name, { ttl: true })
          : await resolver.resolve6(name, { ttl: true })
      const lifetime = seconds(Math.min(...records.map((record) => record.ttl)))
      return { records: records.map(({ address }) => ({ type, address })), lifetime }
    }
    default:
      return type satisfies never
  }
}
