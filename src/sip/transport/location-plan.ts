//! RFC 3263 §4 over what is known of the DNS: either what must be asked first, or the targets in
//! order of preference. Pure.

import type { Random } from '../../base/random.ts'
import type { SipUri } from '../message/uri.ts'
import type { Target } from '../transaction/flow.ts'
import { addressBytes, familyOf } from '../../base/address.ts'
import type { Answer, DnsRecord, NaptrRecord, Question, SrvRecord } from './dns.ts'

export type PlanRequest = {
  readonly uri: SipUri
  readonly random: Random
  readonly families: readonly (4 | 6)[]
  readonly recall: (question: Question) => Answer | undefined
}

export type Plan = {
  /** To be asked before the targets are complete. */
  readonly missing: readonly Question[]
  readonly targets: readonly Target[]
}

type Transport = 'udp' | 'tcp' | 'tls'
type Service = { readonly transport: Transport; readonly name: string }

const PORTS: Record<Transport, number> = { udp: 5060, tcp: 5060, tls: 5061 }
/** NAPTR services, RFC 3263 §4.1; WebSocket ones (RFC 7118) lead to where we cannot call. */
const SERVICES: Readonly<Record<string, Transport>> = {
  'sip+d2u': 'udp',
  'sip+d2t': 'tcp',
  'sips+d2t': 'tls',
}
const SRV_PREFIXES: Record<Transport, string> = {
  udp: '_sip._udp',
  tcp: '_sip._tcp',
  tls: '_sips._tcp',
}
/** SRV records of one name that are followed. */
const SRV_MAX = 16
const TARGETS_MAX = 32

export function makePlan(request: PlanRequest): Plan {
  const plan = new Planner(request)
  plan.run()
  return { missing: plan.missing, targets: plan.targets.slice(0, TARGETS_MAX) }
}

class Planner {
  readonly missing: Question[] = []
  readonly targets: Target[] = []
  readonly #request: PlanRequest
  readonly #host: string
  readonly #secure: boolean

  constructor(request: PlanRequest) {
    const { uri } = request
    this.#request = request
    this.#host = uri.params.get('maddr')?.replace(/^\[(.*)\]$/, '$1') ?? uri.host
    this.#secure = uri.scheme === 'sips'
  }

  run(): void {
    const { uri } = this.#request
    if (this.#host === '' || (uri.scheme !== 'sip' && uri.scheme !== 'sips')) return
    const asked = uri.params.get('transport')?.toLowerCase()
    const chosen = asked === undefined ? undefined : this.#transportOf(asked)
    if (asked !== undefined && chosen === undefined) return
    const fallback: Transport = chosen ?? (this.#secure ? 'tls' : 'udp')
    if (addressBytes(this.#host) !== undefined || uri.port !== undefined) {
      this.#addresses(fallback, this.#host, uri.port ?? PORTS[fallback])
      return
    }
    const services = chosen === undefined ? this.#services() : [this.#service(chosen)]
    if (services === undefined) return
    const found = services.map((service) => this.#srv(service))
    // §4.2: without SRV records, the name itself.
    if (this.missing.length === 0 && !found.includes(true))
      this.#addresses(fallback, this.#host, PORTS[fallback])
  }

  /** `transport=tls` is no more, and still everywhere (§26.2.2). */
  #transportOf(name: string): Transport | undefined {
    if (name === 'tls') return 'tls'
    if (name === 'tcp') return this.#secure ? 'tls' : 'tcp'
    return name === 'udp' && !this.#secure ? 'udp' : undefined
  }

  #service(transport: Transport): Service {
    return { transport, name: `${SRV_PREFIXES[transport]}.${this.#host}` }
  }

  /** By NAPTR, else all that could be there (§4.1); undefined while that is not known. */
  #services(): readonly Service[] | undefined {
    const naptr = this.#ask('NAPTR', this.#host)
    if (naptr === undefined) return undefined
    const wanted: Service[] = []
    const records = naptr.filter((record) => record.type === 'NAPTR').toSorted(byOrder)
    for (const { service, flags, replacement } of records) {
      const transport = SERVICES[service.toLowerCase()]
      if (transport === undefined || flags.toLowerCase() !== 's') continue
      if (this.#secure && transport !== 'tls') continue
      wanted.push({ transport, name: replacement.toLowerCase() })
    }
    if (wanted.length > 0) return wanted
    const all: readonly Transport[] = this.#secure ? ['tls'] : ['udp', 'tcp', 'tls']
    return all.map((transport) => this.#service(transport))
  }

  /** True when there are SRV records under that name. */
  #srv({ transport, name }: Service): boolean {
    const answer = this.#ask('SRV', name)
    const records = (answer ?? []).filter((record) => record.type === 'SRV')
    // RFC 2782: a lone "." says that there is decidedly no such service.
    const real = records.filter((record) => record.name !== '' && record.name !== '.')
    for (const record of inSrvOrder(real, this.#request.random).slice(0, SRV_MAX))
      this.#addresses(transport, record.name.toLowerCase(), record.port)
    return records.length > 0
  }

  #addresses(transport: Transport, host: string, port: number): void {
    const { families, uri } = this.#request
    const { host: serverName } = uri
    const numeric = addressBytes(host) !== undefined
    const hosts = numeric ? [host] : families.flatMap((family) => this.#lookUp(host, family))
    for (const each of hosts) {
      if (!families.includes(familyOf(each))) continue
      const target = { transport, host: each, port }
      // RFC 5922 §4: the certificate must be of the domain that was asked for.
      this.targets.push(transport === 'tls' ? { ...target, serverName } : target)
    }
  }

  #lookUp(host: string, family: 4 | 6): readonly string[] {
    const records = this.#ask(family === 4 ? 'A' : 'AAAA', host) ?? []
    return records.flatMap((record) => ('address' in record ? [record.address] : []))
  }

  #ask(type: Question['type'], name: string): readonly DnsRecord[] | undefined {
    const question = { type, name }
    const known = this.#request.recall(question)
    if (known === undefined) this.missing.push(question)
    return known?.records
  }
}

function byOrder(a: NaptrRecord, b: NaptrRecord): number {
  return a.order - b.order || a.preference - b.preference
}

/** RFC 2782: by priority; within one, at random by weight. */
function inSrvOrder(records: readonly SrvRecord[], random: Random): readonly SrvRecord[] {
  const ordered: SrvRecord[] = []
  const priorities = [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)
  for (const priority of priorities) {
    // Those of weight zero come first, so that they are drawn hardly ever while others are left.
    const left = records
      .filter((record) => record.priority === priority)
      .sort((a, b) => a.weight - b.weight)
    while (left.length > 0) ordered.push(...left.splice(draw(left, random), 1))
  }
  return ordered
}

function draw(records: readonly SrvRecord[], random: Random): number {
  const total = records.reduce((sum, record) => sum + record.weight, 0)
  const point = random.below(total + 1)
  let sum = 0
  return records.findIndex((record) => (sum += record.weight) >= point)
}
